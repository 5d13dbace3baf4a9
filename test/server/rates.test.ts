import { afterEach, describe, expect, it } from 'vitest'
import type { Viewer } from '../../src/accounts/viewer.ts'
import { createViewerRates } from '../../src/accounts/viewer-rates.ts'
import { until } from '../kit/until.ts'
import { openRaw } from './multipart-kit.ts'
import { openToyGateway, type ToyGateway, type ToyOptions } from './toy-gateway.ts'
import { toySchema } from './toy-schema.ts'

let toy: ToyGateway
let time = 0

/** A clock that stands still, so that no minute ends within a case. */
async function open({ limits, ...options }: ToyOptions = {}): Promise<void> {
  time = 90_000_000
  toy = await openToyGateway({ now: () => time, ...options, limits })
}

afterEach(async () => {
  await toy[Symbol.asyncDispose]()
})

const ask = (headers: Record<string, string> = {}) => toy.post({ query: '{ viewer }' }, headers)
const statuses = async (count: number, headers?: Record<string, string>) => {
  const all: number[] = []
  for (let sent = 0; sent < count; sent++) {
    const response = await ask(headers)
    await response.body?.cancel()
    all.push(response.status)
  }
  return all
}

describe('the rate of an address', () => {
  it('refuses what is beyond it, with the time to wait, until the minute is over', async () => {
    await open({ limits: { addressRequestsPerMinute: 3 } })
    time += 20_000
    expect(await statuses(3)).toEqual([200, 200, 200])
    const refused = await ask()
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('40')
    expect(await refused.json()).toMatchObject({
      errors: [
        {
          extensions: { code: 'RATE_LIMITED', reason: 'ADDRESS_RATE', retryAfterMs: 40_000, retryable: true },
        },
      ],
    })
    time += 40_000
    expect(await statuses(1)).toEqual([200])
  })

  it('holds for whatever is asked for, images too, and not for health', async () => {
    await open({ limits: { addressRequestsPerMinute: 2 } })
    for (const path of ['/images/x', '/healthz', '/images/x'])
      expect((await fetch(`${toy.url}${path}`)).status).toBe(200)
    for (const path of ['/images/x', '/readyz', '/metrics', '/', '/graphql'])
      expect((await fetch(`${toy.url}${path}`)).status).toBe(429)
    expect((await fetch(`${toy.url}/healthz`)).status).toBe(200)
  })

  it('lets guesses of keys count fifty times as much', async () => {
    await open({ limits: { addressRequestsPerMinute: 100 } })
    expect(await statuses(3, { authorization: 'Bearer guess' })).toEqual([401, 401, 429])
  })

  it('is refused before anything is made of the request', async () => {
    await open({ limits: { addressRequestsPerMinute: 1 }, allowedOrigins: ['https://app.example'] })
    await statuses(1)
    const head = 'host: x\r\norigin: https://app.example\r\nx-request-id: mine\r\nconnection: close'
    const refusal = await exchange(`GET /images/x HTTP/1.1\r\n${head}\r\n\r\n`)
    expect(refusal).toMatch(/^HTTP\/1\.1 429/)
    for (const header of [
      'x-request-id: mine',
      'access-control-allow-origin: https://app.example',
      'x-content-type-options: nosniff',
      'retry-after: 60',
      'ratelimit: "address";r=0;t=60',
    ])
      expect(refusal.toLowerCase()).toContain(`\r\n${header}\r\n`)
    expect(refusal).toContain('"reason":"ADDRESS_RATE","retryAfterMs":60000')
    expect(await statuses(2)).toEqual([429, 429])
    // No line for each: a flood would fill the log.
    const refusals = toy.logs.filter(({ address }) => address === '127.0.0.1')
    expect(refusals).toHaveLength(1)
    expect(toy.logs.filter(({ status }) => status === 429)).toEqual([])
  })

  it('is refused on a connection that stays, which a proxy has for other clients too', async () => {
    await open({ limits: { addressRequestsPerMinute: 1 } })
    const { socket, received } = await openRaw(toy.port)
    const send = (client: string) =>
      socket.write(`GET /images/x HTTP/1.1\r\nhost: x\r\nx-forwarded-for: ${client}\r\n\r\n`)
    for (const [index, client] of ['192.0.2.1', '192.0.2.1', '192.0.2.2'].entries()) {
      send(client)
      await until(() => received().split('HTTP/1.1 ').length === index + 2)
    }
    expect(received().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 429', 'HTTP/1.1 200'])
    socket.destroy()
  })

  it('answers a refused upload that is still being sent', async () => {
    await open({ limits: { addressRequestsPerMinute: 1 } })
    await statuses(1)
    const { socket, received, closed } = await openRaw(toy.port)
    socket.write('POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n')
    socket.write(Buffer.alloc(400_000))
    await until(() => received().includes('ADDRESS_RATE'))
    socket.write(Buffer.alloc(400_000))
    await closed
  })

  it('counts each client behind a trusted proxy by itself, and believes nobody else', async () => {
    await open({ limits: { addressRequestsPerMinute: 1 }, trustedProxies: ['10.1.0.0/16'] })
    const from = (hops: string) => statuses(1, { 'x-forwarded-for': hops })
    expect(await from('192.0.2.1')).toEqual([200])
    expect(await from('192.0.2.1')).toEqual([429])
    expect(await from('192.0.2.2')).toEqual([200])
    // What the client wrote itself stands before the address that the proxy saw.
    expect(await from('192.0.2.99, 192.0.2.2')).toEqual([429])
    // A chain of two trusted proxies.
    expect(await from('192.0.2.3, 10.1.2.3')).toEqual([200])
    expect(await from('192.0.2.3')).toEqual([429])
    expect(await from('nonsense, 192.0.2.3')).toEqual([429])
    // Programs inside, each by itself: the proxy stands for everybody.
    expect(await from('10.1.0.7')).toEqual([200])
    expect(await from('10.1.0.8')).toEqual([200])
    expect(await from('10.1.0.7')).toEqual([429])
    // A client cannot push the hop that the proxy saw out of sight.
    expect(await from(`${'198.51.100.1, '.repeat(900)}192.0.2.4`)).toEqual([200])
    expect(await from(`${'198.51.100.2, '.repeat(900)}192.0.2.4`)).toEqual([429])
  })

  it('takes a network of IPv6 for one address', async () => {
    await open({ limits: { addressRequestsPerMinute: 1 } })
    const from = (address: string) => statuses(1, { 'x-forwarded-for': address })
    expect(await from('2001:db8::1')).toEqual([200])
    expect(await from('[2001:db8:0:0:ffff::2]:443')).toEqual([429])
    expect(await from('2001:db8:0:1::1')).toEqual([200])
  })

  it('takes the spellings of one address for one, and IPv4 addresses within IPv6 for themselves', async () => {
    await open({ limits: { addressRequestsPerMinute: 1 } })
    const from = (address: string) => statuses(1, { 'x-forwarded-for': address })
    expect(await from('2001:db8:0:2::1')).toEqual([200])
    for (const same of ['2001:0db8:0000:0002:0:0:0:1', '2001:DB8:0:2::FFFF', '[2001:db8::2:0:0:0:1%25]:1'])
      expect(await from(same)).toEqual([429])
    expect(await from('::ffff:192.0.2.1')).toEqual([200])
    for (const same of ['192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:FFFF:192.0.2.1', '64:ff9b::c000:201'])
      expect(await from(same)).toEqual([429])
    expect(await from('::ffff:c000:202')).toEqual([200])
  })
})

describe('the rate of a user', () => {
  const limited = (requestsPerMinute: number): Pick<ToyOptions, 'admitViewer'> => {
    const rates = createViewerRates({ now: () => time, shared: null })
    const none = { imagesPerMinute: null, tokensPerMinute: null, concurrentOperations: null }
    return {
      admitViewer: (viewer: Viewer, asked) =>
        rates.admit({ ...viewer, rateLimits: { user: { ...none, requestsPerMinute }, key: null } }, asked),
    }
  }

  it('is told by every answer', async () => {
    await open(limited(5))
    time += 1_000
    const { headers } = await ask()
    expect(headers.get('ratelimit-policy')).toBe('"user";q=5;w=60')
    expect(headers.get('ratelimit')).toBe('"user";r=4;t=59')
  })

  it("is the user's own", async () => {
    await open(limited(2))
    expect(await statuses(3)).toEqual([200, 200, 429])
    expect(await statuses(1, { authorization: 'Bearer bob' })).toEqual([200])
  })

  it('counts a dear field as often as it is asked for, by aliases and fragments too, before anything is done', async () => {
    await open({ ...limited(25), schema: withDearNoop() })
    const run = async (query: string) => (await toy.post({ query })).status
    expect(await run('mutation { noop }')).toBe(200)
    // Two of ten each do not fit into the fifteen that are left.
    expect(await run('mutation { a: noop b: noop }')).toBe(429)
    expect(
      await run('mutation { ...F } fragment F on Mutation { noop ...G } fragment G on Mutation { b: noop }'),
    ).toBe(429)
    expect(await run('mutation { ... on Mutation { noop } }')).toBe(200)
  })
})

describe('one connection', () => {
  it('has its requests worked on one after the other, however many are sent ahead', async () => {
    const begun: string[] = []
    const ends: (() => void)[] = []
    await open({
      serveImage: async (request) => {
        begun.push(new URL(request.url).pathname)
        await new Promise<void>((resolve) => ends.push(resolve))
        return new Response('image', { headers: { 'content-type': 'image/png' } })
      },
    })
    const { socket, received } = await openRaw(toy.port)
    socket.write(['1', '2', '3'].map((id) => `GET /images/${id} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''))
    for (const [index, path] of ['/images/1', '/images/2', '/images/3'].entries()) {
      await until(() => begun.length > index)
      expect(begun.at(-1)).toBe(path)
      expect(begun).toHaveLength(index + 1)
      ends[index]?.()
    }
    await until(() => received().split('200 OK').length === 4)
    socket.destroy()
  })

  it('is cut when it sends thousands ahead', async () => {
    let begun = 0
    await open({
      serveImage: () => {
        begun++
        return new Promise(() => {})
      },
    })
    const { socket, closed } = await openRaw(toy.port)
    socket.write('GET /images/x HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(2_000))
    await closed
    expect(begun).toBeLessThanOrEqual(1)
  })
})

/** Everything that comes back until the connection is closed. */
async function exchange(request: string): Promise<string> {
  const { socket, received, closed } = await openRaw(toy.port)
  socket.write(request)
  await closed
  return received()
}

/** The toy schema, whose `noop` is dear for as long as the case runs. */
function withDearNoop() {
  const field = toySchema.getMutationType()?.getFields().noop
  if (!field) throw new Error('The toy schema has no noop')
  field.extensions = { ratePoints: 10 }
  return toySchema
}
