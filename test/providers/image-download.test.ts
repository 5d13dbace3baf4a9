import { lookup } from 'node:dns'
import { Readable } from 'node:stream'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { downloadImage } from '../../src/providers/exchanges/image-download.ts'
import type { Providers } from '../../src/providers/providers.ts'
import {
  checkDownloadUrl,
  findResultReach,
  guardedLookup,
  isPublicAddress,
} from '../../src/providers/transport/address-guard.ts'
import { createDeadline } from '../../src/providers/transport/deadline.ts'
import type { HttpReply, HttpRequest, Transport } from '../../src/providers/transport/transport.ts'
import { hangMs } from '../kit/limits.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { reply, replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { makeRequest, pixel, record, startRecording, typesOf } from './call-kit.ts'
import { passTimeByTurns } from './passing-time.ts'

let upstream: ScriptedUpstream
let canary: ScriptedUpstream
let providers: Providers

beforeEach(async () => {
  upstream = await startScriptedUpstream()
  canary = await startScriptedUpstream()
  canary.script(reply(pixel))
  providers = openProviders([{ name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1`, apiKey: 'sk-1' }])
})

afterEach(async () => {
  await providers.close()
  await upstream.close()
  await canary.close()
})

const model = 'up/gpt-image-2'

describe('an address in a reply', () => {
  test.each([
    'http://127.0.0.1:<canary>/x.png',
    'https://127.0.0.1:<canary>/x.png',
    'https://127.0.0.1/x.png',
    'https://[::1]/x.png',
    'https://[::ffff:127.0.0.1]/x.png',
    'https://2130706433/x.png',
    'https://0x7f.1/x.png',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/x.png',
    'https://localhost/x.png',
    'https://user:pass@example.com/x.png',
    'https://example.com:5432/x.png',
    'http://example.com/x.png',
    'ftp://example.com/x.png',
    'file:///etc/passwd',
    '//127.0.0.1:<canary>/x.png',
    'http://[not an address',
  ])('is not asked when it is %s', async (address) => {
    const url = address.replace('<canary>', String(canary.port))
    upstream.script(replyJson({ data: [{ url }] }))
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESULT_UNREACHABLE' })
    expect(canary.requests).toHaveLength(0)
    expect(upstream.requests).toHaveLength(1)
  })

  test("of the provider's own origin gets its key; it goes nowhere else", async () => {
    upstream.script(replyJson({ data: [{ url: `${upstream.url}/v1/images/1/content` }] }), reply(pixel))
    const recorded = await record(providers, model, makeRequest())
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'completed'])
    expect(upstream.requests[1]).toMatchObject({ method: 'GET', headers: { authorization: 'Bearer sk-1' } })
  })

  test('elsewhere is asked without the key, and by the guarded way', async () => {
    const sent: HttpRequest[] = []
    const guarded: Transport = {
      send: async (request) => {
        sent.push(request)
        return { status: 200, headers: {}, body: Readable.from([pixel]) }
      },
      close: async () => {},
    }
    const own: Transport = { send: () => Promise.reject(new Error('the wrong way')), close: async () => {} }
    const image = await download('https://files.example.com/a.png?sig=1', { own, guarded })
    expect(image).toEqual(pixel)
    expect(sent).toMatchObject([
      { url: new URL('https://files.example.com/a.png?sig=1'), headers: { accept: 'image/*' } },
    ])
    expect(sent[0]?.headers).not.toHaveProperty('authorization')
  })

  test('is asked three times at most, each time into a fresh sink, and the generation never again', async () => {
    upstream.script(replyJson({ data: [{ url: '/x.png' }] }), async ({ write, reset }) => {
      await write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc')
      reset()
    })
    const { error, sinks } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESULT_UNREACHABLE' })
    expect(upstream.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET', 'GET'])
    expect(sinks.map(({ state }) => state)).toEqual(['aborted', 'aborted', 'aborted'])
  })

  test('that fails leaves the other images alone', async () => {
    const data = [{ url: 'https://127.0.0.1/x.png' }, { b64_json: pixel.toString('base64') }]
    upstream.script(replyJson({ data }))
    const recorded = await record(providers, model, makeRequest({ n: 2 }))
    expect(typesOf(recorded)).toEqual(['responded', 'imageFailed', 'image', 'completed'])
    expect(recorded.sinks).toEqual([{ index: 1, partial: false, state: 'ended' }])
  })

  test('is of unknown outcome when time is over while it is fetched', async () => {
    passTimeByTurns()
    upstream.script(replyJson({ data: [{ url: '/x.png' }] }), () => {})
    const { error } = await record(providers, model, makeRequest(), { totalTimeoutMs: 150 })
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'DEADLINE_EXCEEDED' })
  })

  test('that sends too much is cut', async () => {
    const small = openProviders([{ name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1` }], {
      limits: { maxReplyBytes: 1000 },
    })
    upstream.script(replyJson({ data: [{ url: '/x.png' }] }), reply(Buffer.alloc(5000)))
    const { error } = await record(small, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESPONSE_TOO_LARGE' })
    await small.close()
  })
})

interface Ways {
  own: Transport
  guarded: Transport
  resultHosts?: string[]
}

/** Fetches an address as a provider at https://api.example.com would. */
async function download(address: string, { own, guarded, resultHosts = [] }: Ways): Promise<Buffer> {
  const { callOptions } = startRecording()
  using deadline = createDeadline(new AbortController().signal, hangMs)
  return await downloadImage({
    address,
    baseUrl: new URL('https://api.example.com/v1'),
    resultHosts,
    authorization: { authorization: 'Bearer sk-1' },
    ownTransport: own,
    guardedTransport: guarded,
    deadline,
    idleTimeoutMs: hangMs,
    maxBytes: 1000,
    pauseMs: 1,
    open: () => callOptions.openSink({ index: 0, partial: false }),
    onForbidden: () => {},
  })
}

const redirectTo = (location: string, status = 302) => reply('', { status, headers: { location } })

describe('a redirect of a result', () => {
  test.each([301, 302, 303, 307, 308])('is followed without the key: %i', async (status) => {
    upstream.script(
      replyJson({ data: [{ url: `${upstream.url}/v1/x` }] }),
      redirectTo('../img/x.png?sig=a%2Fb', status),
      reply(pixel),
    )
    const recorded = await record(providers, model, makeRequest())
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'completed'])
    const [, first, second] = upstream.requests
    expect(first?.headers.authorization).toBe('Bearer sk-1')
    expect(second).toMatchObject({ method: 'GET', path: '/img/x.png?sig=a%2Fb' })
    expect(second?.headers).not.toHaveProperty('authorization')
  })

  test.each([
    ['HTTPS', 'http://127.0.0.1:<canary>/x.png', '127.0.0.1:<canary>'],
    ['HTTPS', 'http://example.com/x.png', 'example.com'],
    ['HTTPS', 'file:///etc/passwd', ''],
    ['NO_PORT', 'https://127.0.0.1:<canary>/x.png', '127.0.0.1:<canary>'],
    ['NO_PORT', 'https://example.com:8443/x.png', 'example.com:8443'],
    ['NO_CREDENTIALS', 'https://user:pass@example.com/x.png', 'example.com'],
    ['PUBLIC_ADDRESS', 'https://10.0.0.1/x.png', '10.0.0.1'],
    ['PUBLIC_ADDRESS', 'https://169.254.169.254/latest/meta-data', '169.254.169.254'],
    ['PUBLIC_ADDRESS', 'https://[::ffff:127.0.0.1]/x.png', '[::ffff:7f00:1]'],
    ['PUBLIC_ADDRESS', 'https://localhost/x.png?sig=1', 'localhost'],
  ])('is not followed against the rule %s: %s', async (rule, address, host) => {
    const place = (text: string) => text.replace('<canary>', String(canary.port))
    upstream.script(replyJson({ data: [{ url: '/x.png' }] }), redirectTo(place(address)))
    const warned: object[] = []
    const log = { info: () => {}, warn: (fields: object) => void warned.push(fields) }
    const up = openProviders(
      [{ name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1`, models: ['gpt-image-2'] }],
      { log },
    )
    const { error } = await record(up, model, makeRequest())
    await up.close()
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESULT_UNREACHABLE' })
    expect(canary.requests).toHaveLength(0)
    expect(upstream.requests).toHaveLength(2)
    expect(warned).toEqual([{ provider: 'up', rule, host: place(host) }])
  })

  test.each([
    ['a loop', () => '/x.png'],
    ['ever new addresses', (asked: number) => `/${asked}.png`],
  ])('is followed three times and no fourth, nor is the address tried again: %s', async (_, locate) => {
    upstream.script(replyJson({ data: [{ url: '/x.png' }] }), (exchange) =>
      redirectTo(locate(upstream.requests.length))(exchange),
    )
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESULT_UNREACHABLE' })
    expect(upstream.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET', 'GET', 'GET'])
  })

  test('brings the image by the third', async () => {
    const [a, b, c] = ['/a', '/b', '/c'].map((path) => redirectTo(path))
    upstream.script(
      replyJson({ data: [{ url: '/x.png' }] }),
      a as Script,
      b as Script,
      c as Script,
      reply(pixel),
    )
    expect(typesOf(await record(providers, model, makeRequest()))).toContain('image')
  })

  test.each(['http://[', ''])('that leads nowhere is a refusal: %j', async (location) => {
    upstream.script(replyJson({ data: [{ url: '/x.png' }] }), redirectTo(location))
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESULT_UNREACHABLE' })
  })

  /** A transport that redirects to one address, and has an image there. */
  const redirecting = (location: string) => {
    const sent: string[] = []
    const transport: Transport = {
      send: async ({ url, headers }) => {
        sent.push(url.href)
        expect(headers).not.toHaveProperty('authorization')
        const head: Pick<HttpReply, 'status' | 'headers'> =
          url.href === location ? { status: 200, headers: {} } : { status: 302, headers: { location } }
        return { ...head, body: Readable.from([pixel]) }
      },
      close: async () => {},
    }
    return { sent, transport }
  }

  test('never goes from https down to http, but for a host that the operator named', async () => {
    const [plain, start] = ['http://files.example.com:9000/x.png', 'https://files.example.com/a.png']
    const open = redirecting(plain)
    const own = redirecting(plain)
    const ways = { own: own.transport, guarded: open.transport }
    await expect(download(start, ways)).rejects.toMatchObject({ reason: 'UPSTREAM_RESULT_UNREACHABLE' })
    expect(await download(start, { ...ways, resultHosts: ['files.example.com:9000'] })).toEqual(pixel)
    expect(open.sent).toEqual([start, start])
    expect(own.sent).toEqual([plain])
  })
})

describe('a host that the operator named', () => {
  const openWith = (resultHosts: string[]) =>
    openProviders([
      { name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1`, apiKey: 'sk-1', resultHosts },
    ])

  test('has results wherever it is, and gets no key', async () => {
    const named = openWith([`LOCALHOST:${canary.port}`])
    upstream.script(replyJson({ data: [{ url: `http://localhost:${canary.port}/x.png` }] }))
    expect(typesOf(await record(named, model, makeRequest()))).toContain('image')
    expect(canary.requests[0]?.headers).not.toHaveProperty('authorization')
    await named.close()
  })

  test.each([
    ['http://localhost:<canary>/x.png', 'localhost'],
    ['http://localhost:<canary>/x.png', 'localhost:1'],
    ['http://user@localhost:<canary>/x.png', 'localhost:<canary>'],
    ['http://127.0.0.1:<canary>/x.png', 'localhost:<canary>'],
  ])('has no results at %s where it is %s', async (address, host) => {
    const place = (text: string) => text.replace('<canary>', String(canary.port))
    const named = openWith([place(host)])
    upstream.script(replyJson({ data: [{ url: place(address) }] }))
    expect(typesOf(await record(named, model, makeRequest()))).not.toContain('image')
    expect(canary.requests).toHaveLength(0)
    await named.close()
  })

  test.each([
    ['http://files.lan/x', 'files.lan', 'named'],
    ['https://files.lan/x', 'files.lan', 'named'],
    ['http://files.lan/x', 'files.lan:80', 'named'],
    ['https://files.lan/x', 'files.lan:443', 'named'],
    ['https://files.lan/x', 'files.lan:80', 'public'],
    ['https://sub.files.lan/x', 'files.lan', 'public'],
    ['http://[fd00::1]:9000/x', '[FD00::1]:9000', 'named'],
    ['https://api.example.com/x', 'api.example.com', 'own'],
  ])('is reached at %s by the name %s as %s', (address, host, reach) => {
    const places = { baseUrl: new URL('https://api.example.com/v1'), resultHosts: [host] }
    expect(findResultReach(new URL(address), places)).toBe(reach)
  })
})

describe('a result with a content encoding', () => {
  const fetchEncoded = async (body: Uint8Array, encoding: string, options = {}) => {
    upstream.script(
      replyJson({ data: [{ url: '/x.png' }] }),
      reply(body, { contentType: 'image/png', headers: { 'content-encoding': encoding } }),
    )
    return record(providers, model, makeRequest(), options)
  }

  test.each([
    ['gzip', gzipSync(pixel)],
    ['X-GZIP', gzipSync(pixel)],
    ['deflate', deflateSync(pixel)],
    ['br', brotliCompressSync(pixel)],
    ['identity', pixel],
    ['aws-chunked', pixel],
  ])('is inflated where that is one: %s', async (encoding, body) => {
    const { events } = await fetchEncoded(body, encoding)
    expect(events.find(({ type }) => type === 'image')).toMatchObject({ image: pixel })
  })

  test('is no image where it cannot be inflated', async () => {
    const { error } = await fetchEncoded(pixel, 'gzip')
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESULT' })
  })

  test('is cut where it inflates without end', async () => {
    let bytes = 0
    const sink = {
      write: async (chunk: Uint8Array) => {
        bytes += chunk.length
      },
      end: async () => Buffer.alloc(0),
      abort: async () => {},
    }
    const bomb = gzipSync(Buffer.alloc(257 * 1024 * 1024))
    const { error } = await fetchEncoded(bomb, 'gzip', { openSink: () => sink })
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESPONSE_TOO_LARGE' })
    expect(bytes).toBeLessThanOrEqual(256 * 1024 * 1024)
    expect(upstream.requests).toHaveLength(2)
  })
})

describe('the guard of addresses', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'nonsense',
  ])('refuses %s', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test.each(['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::1'])(
    'takes %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true)
    },
  )

  test.each([
    ['http://example.com/x.png', 'not https'],
    ['ftp://example.com/x.png', 'not https'],
    ['file:///etc/passwd', 'not https'],
    ['https://user:pass@example.com/x.png', 'credentials'],
    ['https://user@example.com/x.png', 'credentials'],
    ['https://example.com:5432/x.png', 'port'],
    ['https://2130706433/x.png', 'not public'],
    ['https://[::ffff:127.0.0.1]/x.png', 'not public'],
    ['https://[fd00::1]/x.png', 'not public'],
  ])('refuses %s before any name is resolved', (address, words) => {
    expect(() => checkDownloadUrl(new URL(address))).toThrow(words)
  })

  test('takes an https address without a port', () => {
    expect(() =>
      checkDownloadUrl(new URL('https://oaidalleapiprodscus.blob.core.windows.net/a.png?sig=x')),
    ).not.toThrow()
  })

  test.each([true, false])('refuses a name that resolves to this machine (all: %s)', async (all) => {
    const resolved = new Promise((resolve) =>
      lookup('localhost', { all: true }, (_, found) => resolve(found)),
    )
    expect(await resolved).not.toEqual([])
    const error = await new Promise((resolve) =>
      guardedLookup('localhost', { all }, (refusal) => resolve(refusal)),
    )
    expect(error).toMatchObject({ code: 'FORBIDDEN_ADDRESS' })
  })
})
