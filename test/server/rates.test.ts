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

  it('holds for whatever is asked for, images and health too', async () => {
    await open({ limits: { addressRequestsPerMinute: 2 } })
    for (const path of ['/images/x', '/healthz']) expect((await fetch(`${toy.url}${path}`)).status).toBe(200)
    for (const path of ['/images/x', '/healthz', '/readyz', '/metrics', '/', '/graphql'])
      expect((await fetch(`${toy.url}${path}`)).status).toBe(429)
  })

  it('lets guesses of keys count fifty times as much', async () => {
    await open({ limits: { addressRequestsPerMinute: 100 } })
    expect(await statuses(3, { authorization: 'Bearer guess' })).toEqual([401, 401, 429])
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
  })

  it('takes a network of IPv6 for one address', async () => {
    await open({ limits: { addressRequestsPerMinute: 1 } })
    const from = (address: string) => statuses(1, { 'x-forwarded-for': address })
    expect(await from('2001:db8::1')).toEqual([200])
    expect(await from('[2001:db8:0:0:ffff::2]:443')).toEqual([429])
    expect(await from('2001:db8:0:1::1')).toEqual([200])
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

/** The toy schema, whose `noop` is dear for as long as the case runs. */
function withDearNoop() {
  const field = toySchema.getMutationType()?.getFields().noop
  if (!field) throw new Error('The toy schema has no noop')
  field.extensions = { ratePoints: 10 }
  return toySchema
}
