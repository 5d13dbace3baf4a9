import { createClient } from 'graphql-sse'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hangMs } from '../kit/limits.ts'
import { until } from '../kit/until.ts'
import { openRaw } from './multipart-kit.ts'
import { openToyGateway, type ToyGateway } from './toy-gateway.ts'

let toy: ToyGateway
const revoke = new Map<string, () => void>()

beforeEach(async () => {
  toy = await openToyGateway({
    limits: { maxStreamsPerViewer: 2, maxOperationsPerStream: 2, pingMs: hangMs },
    onRevoked: (viewer, end) => {
      revoke.set(viewer.userId, end)
      return () => revoke.delete(viewer.userId)
    },
  })
})

afterEach(async () => {
  await toy[Symbol.asyncDispose]()
  await until(() => toy.ticker.listeners === 0)
  expect(revoke.size, 'forgotten revocation listeners').toBe(0)
})

const headers = { authorization: 'Bearer ann' }
const ticks = { query: 'subscription { ticks }' }

function subscribe(
  path = '/graphql',
  more: Record<string, string> = {},
  body: object = ticks,
): Promise<Response> {
  return fetch(toy.url + path, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'text/event-stream', ...more },
    body: JSON.stringify(body),
  })
}

/** Reads a stream until the text has come. */
async function readUntil(response: Response, text: string): Promise<string> {
  const reader = response.body?.getReader()
  let seen = ''
  while (reader && !seen.includes(text)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`the stream ended after ${JSON.stringify(seen)}`)
    seen += Buffer.from(value).toString()
  }
  reader?.releaseLock()
  return seen
}

async function readRest({ body }: Response): Promise<string> {
  const chunks = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const url = () => `${toy.url}/graphql/stream`

describe.each(['/graphql', '/graphql/stream'])('a subscription at %s', (path) => {
  it('sends each result as it comes, then complete', async () => {
    const response = await subscribe(path)
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    toy.ticker.emit('one')
    toy.ticker.emit('two')
    toy.ticker.emit('end')
    expect(await response.text()).toBe(
      ':\n\nevent: next\ndata: {"data":{"ticks":"one"}}\n\nevent: next\ndata: {"data":{"ticks":"two"}}\n\nevent: complete\ndata:\n\n',
    )
  })

  it('sends what was wrong as a result, then complete', async () => {
    const wrong = await (await subscribe(path, {}, { query: 'subscription { nothing }' })).text()
    expect(wrong).toMatch(
      /^:\n\nevent: next\ndata: \{"errors":.*GRAPHQL_VALIDATION_FAILED.*\n\nevent: complete\ndata:\n\n$/,
    )
    const refused = await (await subscribe(path, {}, { query: 'subscription { refused }' })).text()
    expect(refused).toContain('"code":"NOT_FOUND"')
    expect(refused).not.toContain('"http"')
  })

  it('masks a source that breaks', async () => {
    const response = await subscribe(path)
    toy.ticker.emit('fail')
    const text = await response.text()
    expect(text).toContain('INTERNAL_SERVER_ERROR')
    expect(text).toMatch(/event: complete\ndata:\n\n$/)
    expect(text).not.toContain('canary')
  })

  it('ends its source when the client leaves', async () => {
    const abort = new AbortController()
    const response = await fetch(toy.url + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(ticks),
      signal: abort.signal,
    })
    toy.ticker.emit('one')
    await readUntil(response, 'one')
    expect(toy.ticker.listeners).toBe(1)
    abort.abort()
    await until(() => toy.ticker.listeners === 0)
  })
})

describe('an event stream', () => {
  it('answers queries and mutations too', async () => {
    const text = await (await subscribe('/graphql/stream', {}, { query: '{ hello(name: "x") }' })).text()
    expect(text).toBe(':\n\nevent: next\ndata: {"data":{"hello":"hello x"}}\n\nevent: complete\ndata:\n\n')
  })

  it('is not used for a query whose client takes JSON', async () => {
    const accept = 'application/graphql-response+json, application/json, text/event-stream, multipart/mixed'
    const response = await subscribe('/graphql', { accept }, { query: '{ hello(name: "x") }' })
    expect(await response.json()).toEqual({ data: { hello: 'hello x' } })
  })

  it('is needed for a subscription', async () => {
    const response = await subscribe('/graphql', { accept: 'application/json' })
    expect(response.status).toBe(406)
    expect(toy.ticker.signals[0]?.aborted).toBe(true)
  })

  it('pings while nothing happens', async () => {
    await using busy = await openToyGateway({ limits: { pingMs: 20 } })
    const response = await fetch(`${busy.url}/graphql`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(ticks),
    })
    await readUntil(response, ':\n\n:\n\n:\n\n')
    await response.body?.cancel()
    await until(() => busy.ticker.listeners === 0)
  })

  it('is refused beyond the cap of a viewer, whose other streams go on', async () => {
    const first = await subscribe()
    await subscribe()
    const third = await (await subscribe()).text()
    expect(third).toMatch(/^event: next\ndata: .*RATE_LIMITED.*\n\nevent: complete\ndata:\n\n$/)
    expect(toy.ticker.signals.map(({ aborted }) => aborted)).toEqual([false, false, true])
    toy.ticker.emit('one')
    await readUntil(first, 'one')
    const other = await subscribe('/graphql', { authorization: 'Bearer bob' })
    await readUntil(other, 'one')
    expect(toy.ticker.listeners).toBe(3)
  })

  it('ends with an error when the access is revoked', async () => {
    const response = await subscribe()
    toy.ticker.emit('one')
    await readUntil(response, 'one')
    revoke.get('ann')?.()
    const rest = await readRest(response)
    expect(rest).toMatch(/^event: next\ndata: .*UNAUTHENTICATED.*\n\nevent: complete\ndata:\n\n$/)
  })

  it('asks its source for no more than a slow client takes', async () => {
    const { socket } = await openRaw(toy.port)
    const body = JSON.stringify(ticks)
    socket.pause()
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: application/json\r\naccept: text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    const big = 'x'.repeat(1_000_000)
    for (let i = 0; i < 100; i += 1) toy.ticker.emit(big)
    await until(() => toy.ticker.produced > 1)
    let before = 0
    // The kernel's buffers take the first megabytes; then it stands still.
    for (let still = 0; still < 2_000; still = toy.ticker.produced === before ? still + 1 : 0) {
      before = toy.ticker.produced
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(toy.ticker.produced).toBeLessThan(40)
    socket.destroy()
    await until(() => toy.ticker.listeners === 0)
  })

  it('cuts a client that stopped reading', async () => {
    await using strict = await openToyGateway({ limits: { stallTimeoutMs: 100 } })
    const { socket } = await openRaw(strict.port)
    const body = JSON.stringify(ticks)
    socket.pause()
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: application/json\r\naccept: text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    for (let i = 0; i < 100; i += 1) strict.ticker.emit('x'.repeat(1_000_000))
    await until(() => strict.ticker.produced > 0)
    await until(() => strict.ticker.listeners === 0)
    socket.destroy()
  })

  it('is sent elsewhere by a drain, without complete', async () => {
    const response = await subscribe()
    toy.ticker.emit('one')
    await readUntil(response, 'one')
    const drained = toy.gateway.drain()
    expect(await readRest(response)).toMatch(/^retry: \d+\n\n$/)
    await drained
  })
})

describe('the graphql-sse client', () => {
  it.each([true, false])('subscribes twice, with singleConnection: %s', async (singleConnection) => {
    const client = createClient({ url: url(), headers: { ...headers }, singleConnection, retryAttempts: 0 })
    const first = client.iterate<{ ticks: string }>(ticks)
    const second = client.iterate<{ ticks: string }>(ticks)
    const steps = [first.next(), second.next()]
    toy.ticker.emit('one')
    for (const step of steps) expect((await step).value).toEqual({ data: { ticks: 'one' } })
    await first.return?.()
    await until(() => toy.ticker.listeners === 1)
    toy.ticker.emit('two')
    expect((await second.next()).value).toEqual({ data: { ticks: 'two' } })
    toy.ticker.emit('end')
    expect((await second.next()).done).toBe(true)
    client.dispose()
  })

  it('gets errors as results on a shared connection', async () => {
    const client = createClient({
      url: url(),
      headers: { ...headers },
      singleConnection: true,
      retryAttempts: 0,
    })
    const { value } = await client.iterate({ query: '{ fail(how: "input") nothing }' }).next()
    expect(value?.errors?.[0]).toMatchObject({ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } })
    client.dispose()
  })
})

describe('a shared stream', () => {
  async function reserve(authorization = 'Bearer ann'): Promise<string> {
    const response = await fetch(url(), { method: 'PUT', headers: { authorization } })
    expect(response.status).toBe(201)
    return response.text()
  }
  const open = (token: string, authorization = 'Bearer ann') =>
    fetch(`${url()}?token=${token}`, { headers: { authorization, accept: 'text/event-stream' } })
  const start = (token: string, id: unknown, authorization = 'Bearer ann') =>
    fetch(url(), {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', 'x-graphql-event-stream-token': token },
      body: JSON.stringify({ ...ticks, extensions: { operationId: id } }),
    })

  it('carries results that came before it was opened', async () => {
    const token = await reserve()
    toy.ticker.emit('one')
    expect((await start(token, 'a')).status).toBe(202)
    const response = await open(token)
    expect(await readUntil(response, 'one')).toContain('data: {"id":"a","payload":{"data":{"ticks":"one"}}}')
    await response.body?.cancel()
  })

  it('is nobody else’s', async () => {
    const token = await reserve()
    expect((await open(token, 'Bearer bob')).status).toBe(404)
    expect((await start(token, 'a', 'Bearer bob')).status).toBe(404)
    expect((await open('made-up')).status).toBe(404)
  })

  it('is not needed by a client that still carries an old token', async () => {
    const response = await subscribe('/graphql/stream', { 'x-graphql-event-stream-token': 'old' })
    toy.ticker.emit('one')
    await readUntil(response, 'one')
  })

  it('is opened once', async () => {
    const token = await reserve()
    const response = await open(token)
    expect((await open(token)).status).toBe(409)
    await response.body?.cancel()
  })

  it('wants operations with different ids, and not too many', async () => {
    const token = await reserve()
    expect((await start(token, undefined)).status).toBe(400)
    expect((await start(token, 'a')).status).toBe(202)
    expect((await start(token, 'a')).status).toBe(409)
    expect((await start(token, 'b')).status).toBe(202)
    expect((await start(token, 'c')).status).toBe(429)
    const response = await open(token)
    await response.body?.cancel()
  })

  it('ends one operation and goes on with the other', async () => {
    const token = await reserve()
    const response = await open(token)
    await start(token, 'a')
    await start(token, 'b')
    await until(() => toy.ticker.listeners === 2)
    const end = await fetch(`${url()}?token=${token}&operationId=a`, { method: 'DELETE', headers })
    expect(end.status).toBe(200)
    await until(() => toy.ticker.listeners === 1)
    toy.ticker.emit('one')
    expect(await readUntil(response, 'one')).toContain('"id":"b"')
    await response.body?.cancel()
  })

  it('ends an operation that has not started yet', async () => {
    const token = await reserve()
    const response = await open(token)
    const body = JSON.stringify({ query: 'mutation { wait }', extensions: { operationId: 'a' } })
    const more = { 'content-type': 'application/json', 'x-graphql-event-stream-token': token }
    const started = fetch(url(), { method: 'POST', headers: { ...headers, ...more }, body })
    await until(() => toy.ticker.listeners === 1)
    await fetch(`${url()}?token=${token}&operationId=a`, { method: 'DELETE', headers })
    expect((await started).status).toBe(204)
    await response.body?.cancel()
  })

  it('ends every operation when its connection closes', async () => {
    const token = await reserve()
    const response = await open(token)
    await start(token, 'a')
    await until(() => toy.ticker.listeners === 1)
    await response.body?.cancel()
    await until(() => toy.ticker.listeners === 0)
    await until(async () => (await start(token, 'b')).status === 404)
  })

  it('is given up when nobody opens it', async () => {
    await using hasty = await openToyGateway({ limits: { reservationMs: 20, maxStreamsPerViewer: 1 } })
    const put = () => fetch(`${hasty.url}/graphql/stream`, { method: 'PUT', headers })
    expect((await put()).status).toBe(201)
    await until(async () => (await put()).status === 201)
  })

  it('tells each operation that the access is revoked', async () => {
    const token = await reserve()
    const response = await open(token)
    await start(token, 'a')
    await until(() => toy.ticker.listeners === 1)
    revoke.get('ann')?.()
    const text = await response.text()
    expect(text).toContain('{"id":"a","payload":{"errors":[{"message":"Your access has been revoked"')
    expect(text).toMatch(/event: complete\ndata: \{"id":"a"\}\n\n$/)
  })
})
