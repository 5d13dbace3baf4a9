import { Readable } from 'node:stream'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { toFileBody } from '../../src/images/file-body.ts'
import { hangMs } from '../kit/limits.ts'
import { until } from '../kit/until.ts'
import { encodeParts, field, file, multipartHeaders, openRaw, send, storeOne } from './multipart-kit.ts'
import { openToyGateway, type ToyGateway, viewerOf } from './toy-gateway.ts'

let toy: ToyGateway

beforeAll(async () => {
  toy = await openToyGateway({
    metrics: new Registry(),
    allowedOrigins: ['https://app.example'],
    routes: [
      {
        method: 'GET',
        path: '/usage.csv',
        points: 10,
        handle: async (_, { userId }) => new Response(`for ${userId}`),
      },
    ],
  })
})

afterAll(async () => {
  await toy[Symbol.asyncDispose]()
})

const hello = JSON.stringify({ query: '{ viewer }' })
const healthRequest = 'GET /healthz HTTP/1.1\r\nhost: easel\r\n\r\n'
const ann = { authorization: 'Bearer ann' }

function ask(headers: Record<string, string>, gateway = toy): Promise<Response> {
  return fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: hello,
  })
}

async function raw(text: string, port = toy.port): Promise<string> {
  const { socket, received, closed } = await openRaw(port)
  socket.write(text)
  await closed
  return received()
}

describe('authentication', () => {
  it('refuses an unknown key', async () => {
    const response = await ask({ authorization: 'Bearer x' })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  })

  it('comes before the body: a wrong key costs less than a megabyte, and the connection', async () => {
    const { socket, received, closed, written } = await openRaw(toy.port)
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${800 * 2 ** 20}\r\n\r\n`,
    )
    const chunk = Buffer.alloc(64 * 1024)
    const pour = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', pour)
    pour()
    await closed
    expect(received()).toMatch(/^HTTP\/1.1 401 /)
    expect(received()).toMatch(/connection: close/i)
    // Most of what was written never left the kernel's buffers.
    expect(written()).toBeLessThan(10 * 2 ** 20)
  })

  it('does not ask a client for its body that waits for "100 Continue"', async () => {
    const head = (key: string) =>
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: ${hello.length}\r\n\r\n`
    expect(await raw(head('x'))).toMatch(/^HTTP\/1.1 401 /)
    const { socket, received, closed } = await openRaw(toy.port)
    socket.write(head('ann'))
    await until(() => received().includes('100 Continue'))
    socket.write(hello)
    await closed
    expect(received()).toContain('{"data":{"viewer":"ann"}}')
  })

  it('guards further routes, but not images and health', async () => {
    expect((await fetch(`${toy.url}/usage.csv`)).status).toBe(401)
    expect(await (await fetch(`${toy.url}/usage.csv`, { headers: ann })).text()).toBe('for ann')
    expect((await fetch(`${toy.url}/usage.csv`, { headers: ann, method: 'POST' })).status).toBe(405)
    expect((await fetch(`${toy.url}/images/1?sig=x`)).status).toBe(200)
    expect((await fetch(`${toy.url}/healthz`)).status).toBe(200)
  })
})

describe('a foreign page', () => {
  const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }

  it('cannot use a gateway without authentication', async () => {
    await using open = await openToyGateway({
      authenticationRequired: false,
      authenticate: async () => viewerOf('local', 'ADMIN'),
      allowedOrigins: ['https://app.example'],
    })
    const from = (headers: Record<string, string>) => ask(headers, open).then(({ status }) => status)
    expect(await from({})).toBe(200)
    expect(await from(foreign)).toBe(403)
    expect(await from({ ...foreign, authorization: 'Bearer x' })).toBe(403)
    expect(await from({ origin: 'https://evil.example' })).toBe(403)
    expect(await from({ origin: 'null' })).toBe(403)
    expect(await from({ 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' })).toBe(403)
    expect(await from({ 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' })).toBe(200)
    expect(await from({ origin: open.url })).toBe(200)
    expect(await from({ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' })).toBe(200)
    const parts = encodeParts([
      field('operations', storeOne),
      field('map', { a: ['variables.file'] }),
      file('a', 'x'),
    ])
    const upload = (more: Record<string, string>) => send(open.url, parts, { ...multipartHeaders(), ...more })
    const { authorization: _, ...noKey } = multipartHeaders()
    expect((await upload({})).status).toBe(200)
    expect((await upload(foreign)).status).toBe(403)
    const app = { origin: 'https://app.example', 'sec-fetch-site': 'cross-site', ...noKey }
    expect((await send(open.url, parts, app)).status).toBe(403)
    expect((await send(open.url, parts, { ...app, 'graphql-require-preflight': '1' })).status).toBe(200)
  })

  it('needs a key of its own where authentication is on', async () => {
    expect((await ask(foreign)).status).toBe(403)
    expect((await ask({ ...foreign, ...ann })).status).toBe(200)
    expect((await ask(ann)).status).toBe(200)
  })

  it('is answered a preflight only when it is allowed', async () => {
    const preflight = (origin: string) =>
      fetch(`${toy.url}/graphql`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      })
    const allowed = await preflight('https://app.example')
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect((await preflight('https://evil.example')).headers.has('access-control-allow-origin')).toBe(false)
    const answer = await ask({ origin: 'https://app.example', ...ann })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect(answer.headers.get('access-control-expose-headers')).toBe(
      'ratelimit, ratelimit-policy, retry-after, x-request-id',
    )
  })

  const allowedHeaders = async (asked: string, origin = 'https://app.example') => {
    const headers = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': asked,
    }
    const response = await fetch(`${toy.url}/graphql`, { method: 'OPTIONS', headers })
    return {
      vary: response.headers.get('vary'),
      names: response.headers.get('access-control-allow-headers')?.split(', '),
    }
  }

  it('may send the headers that it asks for, beside those of every client', async () => {
    const asked = 'sentry-trace,baggage, Traceparent,apollographql-client-name,content-type'
    const { names, vary } = await allowedHeaders(asked)
    expect(names?.slice(-4)).toEqual(['sentry-trace', 'baggage', 'traceparent', 'apollographql-client-name'])
    expect(names).toContain('authorization')
    expect(names?.filter((name) => name === 'content-type')).toHaveLength(1)
    expect(vary?.split(', ').sort()).toEqual(['access-control-request-headers', 'origin'])
  })

  it.each([
    ['a name with a space', 'x y, baggage'],
    ['a name that is none', 'x(y), baggage, "z", ü'],
    ['an empty name', ', ,baggage'],
    ['a name too long', `${'x'.repeat(129)}, baggage`],
    ['the wildcard', '*, baggage'],
  ])('gets no header for %s, and the others', async (_, asked) => {
    expect((await allowedHeaders(asked)).names?.at(-1)).toBe('baggage')
    expect((await allowedHeaders(asked)).names).toHaveLength(10)
  })

  it('gets no more than a page would ask for', async () => {
    const asked = Array.from({ length: 200 }, (_, i) => `x-${i}`).join(', ')
    expect((await allowedHeaders(asked)).names?.at(-1)).toBe('x-63')
  })

  it('gets no header that it asks for where it is not allowed', async () => {
    expect(await allowedHeaders('baggage', 'https://evil.example')).toEqual({ vary: null, names: undefined })
  })
})

describe('an odd request', () => {
  it.each([
    ['__proto__ as a header', 'GET /healthz HTTP/1.1\r\nhost: x\r\n__proto__: x\r\n\r\n', 400],
    [
      'two lengths',
      'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      400,
    ],
    [
      'a length and chunks',
      'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
      400,
    ],
    ['a megabyte of headers', `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(2 ** 20)}\r\n\r\n`, 431],
    ['a NUL in the path', 'GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['a foreign address', 'GET http://evil.example/healthz HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['an address without a scheme', 'GET //evil.example/healthz HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
    ['an unknown method', 'TRACE /graphql HTTP/1.1\r\nhost: x\r\n\r\n', 405],
  ])('is refused: %s', async (_, text, status) => {
    const received = await raw(text.replace('host: x\r\n', 'host: x\r\nconnection: close\r\n'))
    expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect((await fetch(`${toy.url}/healthz`)).status).toBe(200)
  })

  it('is cut off when its headers never end', async () => {
    await using hasty = await openToyGateway({ limits: { headersTimeoutMs: 50 } })
    const { received, socket, closed } = await openRaw(hasty.port)
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nx: ')
    await closed
    expect(received()).toMatch(/^HTTP\/1.1 408 /)
  })

  it.each(['application/json', 'multipart/form-data; boundary=b'])(
    'is cut off when its body crawls: %s',
    async (type) => {
      await using hasty = await openToyGateway({ limits: { rateWindowMs: 50 } })
      const { received, socket, closed } = await openRaw(hasty.port)
      socket.write(
        `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\ncontent-type: ${type}\r\ncontent-length: 900\r\n\r\n{`,
      )
      await closed
      expect(received()).toMatch(/^HTTP\/1.1 408 /)
      expect(received()).toContain('BODY_TOO_SLOW')
    },
  )

  it('whose body is far too large is answered, although its client reads only after it has written everything', async () => {
    const length = 48 * 2 ** 20
    const { received, socket, closed } = await openRaw(toy.port)
    socket.pause()
    const failed: Error[] = []
    socket.on('error', (error) => failed.push(error))
    socket.write(`POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\n`)
    socket.write(`content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`)
    await new Promise((resolve) => socket.write(Buffer.alloc(length), resolve))
    socket.resume()
    await closed
    expect(failed).toEqual([])
    expect(received()).toMatch(/^HTTP\/1.1 413 /)
    expect(received()).toContain('BODY_TOO_LARGE')
  })

  it('finds nothing at an unknown address', async () => {
    const response = await fetch(`${toy.url}/nothing`)
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] })
    expect((await fetch(`${toy.url}/__proto__`)).status).toBe(404)
  })
})

describe('an answer', () => {
  it('carries the id of its request, given or made', async () => {
    expect((await ask({ ...ann, 'x-request-id': 'my-id' })).headers.get('x-request-id')).toBe('my-id')
    const made = (await ask({ ...ann, 'x-request-id': 'bad id' })).headers.get('x-request-id')
    expect(made).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('tells browsers to guess, frame and keep nothing', async () => {
    const { headers } = await ask(ann)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-powered-by')).toBeNull()
  })

  it('is logged in one line, without its query and secrets', async () => {
    toy.logs.length = 0
    await fetch(`${toy.url}/graphql?query=query+Who{viewer}&secret=canary-secret`, { headers: ann })
    await fetch(`${toy.url}/images/1?sig=canary-secret`)
    await until(() => toy.logs.length === 2)
    expect(toy.logs[0]).toMatchObject({
      msg: 'request',
      method: 'GET',
      path: '/graphql',
      status: 200,
      viewer: 'ann',
      operation: 'query',
      operationName: 'Who',
    })
    expect(JSON.stringify(toy.logs)).not.toMatch(/canary|Bearer/)
  })
})

describe('an answer from a file', () => {
  const serve = (file: Readable, length: number) => async () =>
    new Response(toFileBody(file), { headers: { 'content-length': String(length) } })

  it('ends with the last byte, so that a client that leaves then has not left early', async () => {
    // Its end comes never.
    const file = new Readable({ read: () => {} })
    file.push('image')
    await using quick = await openToyGateway({ serveImage: serve(file, 5) })
    const { socket, received, closed } = await openRaw(quick.port)
    socket.write('GET /images/x HTTP/1.1\r\nhost: x\r\n\r\n')
    await until(() => received().endsWith('image'))
    socket.destroy()
    await closed
    await until(() => quick.logs.some(({ msg }) => msg === 'request'))
    expect(quick.logs.find(({ msg }) => msg === 'request')).not.toHaveProperty('clientLeft')
    expect(file.destroyed).toBe(true)
  })

  it('is cut where the file is shorter than it should be', async () => {
    await using quick = await openToyGateway({ serveImage: serve(Readable.from(['ima']), 5) })
    await expect(fetch(`${quick.url}/images/x`).then((response) => response.text())).rejects.toThrow()
  })
})

describe('a client that leaves in the middle of a JSON body', () => {
  it('is no fault of the gateway', async () => {
    let admitted = 0
    const authenticate = async () => {
      admitted += 1
      return viewerOf('ann')
    }
    await using left = await openToyGateway({ authenticate, limits: { lingerMs: 20 } })
    const head = 'POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ann\r\n'
    for (const [index, how] of (['resetAndDestroy', 'destroy', 'end'] as const).entries()) {
      const { socket, closed } = await openRaw(left.port)
      socket.write(`${head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"query":`)
      await until(() => admitted === index + 1)
      socket[how]()
      await closed
    }
    await until(() => left.logs.filter(({ msg }) => msg === 'request').length === 3)
    expect(left.logs.filter(({ level }) => Number(level) > 30)).toEqual([])
  })
})

describe('the headers of every answer', () => {
  it('keep a page to itself, and browsers to https where the gateway is reached by it', async () => {
    for (const [publicUrl, transport] of [
      ['https://easel.example', 'max-age=31536000'],
      ['http://easel.example', null],
    ] as const) {
      await using served = await openToyGateway({ publicUrl })
      for (const path of ['/healthz', '/graphql', '/nothing']) {
        const { headers } = await fetch(`${served.url}${path}`)
        expect(headers.get('strict-transport-security')).toBe(transport)
        expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
      }
    }
  })
})

describe('a path with dots', () => {
  it.each([
    '/images/./x',
    '/images/../images/x',
    '/images/%2e/x',
    '/a/%2E%2e/healthz',
    '/.',
    '/images/x/..?y',
  ])('is no other spelling of one without: %s', async (path) => {
    const { socket, received, closed } = await openRaw(toy.port)
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    await closed
    expect(received()).toMatch(/^HTTP\/1\.1 400 .*REQUEST_TARGET_INVALID/s)
  })

  it('has them where they are names', async () => {
    expect((await fetch(`${toy.url}/images/x.y..z?a=/../b`)).status).toBe(200)
  })
})

describe('the GraphiQL page', () => {
  const visit = (gateway: ToyGateway) => fetch(`${gateway.url}/graphql`, { headers: { accept: 'text/html' } })

  it('is there for people without a key, where it is on', async () => {
    await using open = await openToyGateway({ graphiql: true })
    const page = await visit(open)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('x-frame-options')).toBe('DENY')
    expect((await visit(toy)).status).toBe(401)
  })
})

describe('metrics', () => {
  it('count requests by route and status', async () => {
    await ask(ann)
    const text = await (await fetch(`${toy.url}/metrics`)).text()
    expect(text).toMatch(/easel_http_requests_total\{route="\/graphql",method="POST",status="200"\} \d+/)
    expect(text).toContain('easel_http_open_streams 0')
  })

  it('are for administrators when they are asked for through a proxy', async () => {
    const proxied = { 'x-forwarded-for': '1.2.3.4', ...ann }
    expect((await fetch(`${toy.url}/metrics`, { headers: proxied })).status).toBe(403)
  })

  it('do not exist unless somebody collects them', async () => {
    await using quiet = await openToyGateway()
    expect((await fetch(`${quiet.url}/metrics`)).status).toBe(404)
  })
})

describe('a drain', () => {
  it('says no to balancers, serves everybody else, and waits for what runs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    await using draining = await openToyGateway({ limits: { drainDelayMs: 300 } })
    const running = draining.post({ query: 'mutation { wait }' })
    await until(() => draining.ticker.listeners === 1)
    const drained = draining.gateway.drain()
    expect((await fetch(`${draining.url}/readyz`)).status).toBe(503)
    expect((await fetch(`${draining.url}/healthz`)).status).toBe(200)
    for (const query of ['mutation { noop }', '{ viewer }']) {
      const served = await draining.post({ query })
      expect(await served.json()).not.toHaveProperty('errors')
      expect(served.headers.get('connection'), 'a balancer keeps no connection to it').toBe('close')
    }
    vi.advanceTimersByTime(300)
    let isDrained = false
    void drained.then(() => {
      isDrained = true
    })
    await until(async () => (await fetch(`${draining.url}/healthz`).catch(() => null)) === null)
    expect(isDrained).toBe(false)
    draining.ticker.emit('done')
    expect(await (await running).json()).toEqual({ data: { wait: 'done' } })
    await drained
  })

  it('answers what comes on the connections that were open, one request each', async () => {
    await using draining = await openToyGateway({ limits: { drainLingerMs: hangMs, drainTimeoutMs: hangMs } })
    const running = draining.post({ query: 'mutation { wait }' })
    await until(() => draining.ticker.listeners === 1)
    const fresh = await openRaw(draining.port)
    const kept = await openRaw(draining.port)
    kept.socket.write(healthRequest)
    await until(() => kept.received().endsWith('ok\n'))
    expect(kept.received()).not.toMatch(/^connection: close/im)
    const drained = draining.gateway.drain()
    await until(() => !draining.gateway.server.listening)
    for (const { socket, received, closed } of [fresh, kept]) {
      socket.write(healthRequest)
      await closed
      expect(received()).toMatch(/^connection: close\r\n.*ok\n$/ims)
    }
    draining.ticker.emit('done')
    expect((await running).status).toBe(200)
    await drained
  })

  it('does not wait for connections that stay silent', async () => {
    await using draining = await openToyGateway({ limits: { drainLingerMs: 20 } })
    const [fresh, kept] = [await openRaw(draining.port), await openRaw(draining.port)]
    kept.socket.write(healthRequest)
    await until(() => kept.received().endsWith('ok\n'))
    await draining.gateway.drain()
    await Promise.all([fresh.closed, kept.closed])
  })

  it('cuts what does not end in time', async () => {
    await using draining = await openToyGateway({ limits: { drainTimeoutMs: 50 } })
    const running = draining.post({ query: 'mutation { wait }' }).catch((error: Error) => error)
    await until(() => draining.ticker.listeners === 1)
    await draining.gateway.drain()
    expect(await running).toBeInstanceOf(Error)
  })

  it('says which part is not there before, in plain words', async () => {
    await using part = await openToyGateway({
      readiness: {
        'the memory': async () => true,
        'the database': () => Promise.reject(new Error('its secret address')),
        'the disk': async () => false,
        'the cloud': () => new Promise(() => {}),
      },
      limits: { readyTimeoutMs: 20 },
    })
    const answer = await fetch(`${part.url}/readyz`)
    expect(answer.status).toBe(503)
    expect(await answer.text()).toBe(
      'not ready: the database does not work, the disk does not work, the cloud does not answer\n',
    )
    expect((await fetch(`${toy.url}/readyz`)).status).toBe(200)
  })
})
