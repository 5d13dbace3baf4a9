import { lookup } from 'node:dns'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { downloadImage } from '../../src/providers/exchanges/image-download.ts'
import type { Providers } from '../../src/providers/providers.ts'
import {
  checkDownloadUrl,
  guardedLookup,
  isPublicAddress,
} from '../../src/providers/transport/address-guard.ts'
import { createDeadline } from '../../src/providers/transport/deadline.ts'
import type { HttpRequest, Transport } from '../../src/providers/transport/transport.ts'
import { hangMs } from '../kit/limits.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
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
    const { callOptions } = startRecording()
    using deadline = createDeadline(new AbortController().signal, hangMs)
    const image = await downloadImage({
      address: 'https://files.example.com/a.png?sig=1',
      baseUrl: new URL('https://api.example.com/v1'),
      authorization: { authorization: 'Bearer sk-1' },
      ownTransport: own,
      guardedTransport: guarded,
      deadline,
      idleTimeoutMs: hangMs,
      maxBytes: 1000,
      pauseMs: 1,
      open: () => callOptions.openSink({ index: 0, partial: false }),
    })
    expect(image).toEqual(pixel)
    expect(sent).toMatchObject([
      { url: new URL('https://files.example.com/a.png?sig=1'), headers: { accept: 'image/*' } },
    ])
    expect(sent[0]?.headers).not.toHaveProperty('authorization')
  })

  test('that redirects is not followed', async () => {
    upstream.script(
      replyJson({ data: [{ url: `${upstream.url}/x.png` }] }),
      reply('', { status: 302, headers: { location: `${canary.url}/x.png` } }),
    )
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESULT_UNREACHABLE' })
    expect(canary.requests).toHaveLength(0)
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
