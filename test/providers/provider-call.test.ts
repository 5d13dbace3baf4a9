import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { EaselError } from '../../src/errors.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import type { Providers } from '../../src/providers/providers.ts'
import { hangMs } from '../kit/limits.ts'
import { freePort } from '../kit/network/free-port.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import { reply, replyEvents, replyJson, writeHead } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import {
  call,
  collect,
  makeRequest,
  makeSource,
  noImages,
  pixel,
  pixelBase64,
  record,
  startRecording,
  typesOf,
} from './call-kit.ts'
import { passTimeByTurns, stopTime } from './passing-time.ts'

const secret = 'sk-test-0123456789'
const model = 'up/gpt-image-2'
const image = { b64_json: pixelBase64 }

let upstream: ScriptedUpstream
let providers: Providers

function open(baseUrl: string, limits = {}): Providers {
  return openProviders([{ name: 'up', preset: 'openai', baseUrl, apiKey: secret }], {
    limits: { connectTimeoutMs: hangMs, ...limits },
  })
}

beforeEach(async () => {
  upstream = await startScriptedUpstream()
  providers = open(`${upstream.url}/v1`)
})

afterEach(async () => {
  await providers.close()
  await upstream.close()
})

describe('a call', () => {
  test('gives an image, spools the raw reply and ends the spool before it says so', async () => {
    const body = {
      created: 1713833628,
      data: [image],
      usage: { input_tokens: 5, output_tokens: 7, total_tokens: 12 },
    }
    upstream.script(
      replyJson(body, { headers: { 'x-request-id': 'req_1', 'set-cookie': 'a=b', 'x-secret': 'no' } }),
    )
    const { recorded, callOptions } = startRecording()
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    for await (const event of call(providers, found, makeRequest(), callOptions)) {
      recorded.events.push(event)
      if (event.type === 'completed') expect(recorded.isSpoolEnded).toBe(true)
    }
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'completed'])
    expect(recorded.events[0]).toEqual({ type: 'responded', httpStatus: 200, upstreamRequestId: 'req_1' })
    expect(recorded.events[1]).toMatchObject({ index: 0, image: pixel, revisedPrompt: null })
    expect(recorded.events[2]).toMatchObject({ facts: { created: 1713833628, usage: { inputTokens: 5 } } })
    const [head, ...rest] = recorded.spool.toString().split('\n')
    const headers = { 'content-type': 'application/json', 'x-request-id': 'req_1' }
    expect(JSON.parse(head ?? '')).toEqual({ status: 200, headers })
    expect(rest.join('\n')).toBe(JSON.stringify(body))
  })

  test('is read from its spool with the same events', async () => {
    const first = `event: image_generation.partial_image\ndata: {"b64_json":"${pixelBase64}","partial_image_index":0}\n\n`
    const last = `event: image_generation.completed\ndata: {"b64_json":"${pixelBase64}","usage":{"output_tokens":3}}\n\n`
    upstream.script(replyEvents(first, last))
    const request = makeRequest({ stream: true, partialImages: 1 })
    const recorded = await record(providers, model, request)
    expect(typesOf(recorded)).toEqual(['responded', 'partialImage', 'image', 'completed'])
    const again = startRecording()
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    const chunks = (async function* () {
      for (let at = 0; at < recorded.spool.length; at += 11) yield recorded.spool.subarray(at, at + 11)
    })()
    await collect(again.recorded, providers.replay(found, request, chunks, again.callOptions.openSink))
    expect(again.recorded.events).toEqual(recorded.events.slice(1))
  })

  test('reads a spooled refusal as the refusal it was', async () => {
    upstream.script(replyJson({ error: { message: 'x', code: 'insufficient_quota' } }, { status: 429 }))
    const recorded = await record(providers, model, makeRequest())
    expect(recorded).toMatchObject({ error: { certainty: 'REFUSED' }, isSpoolEnded: true })
    const again = startRecording()
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    const chunks = (async function* () {
      yield recorded.spool
    })()
    await collect(again.recorded, providers.replay(found, makeRequest(), chunks, again.callOptions.openSink))
    expect(again.recorded.error).toMatchObject({ certainty: 'REFUSED', reason: 'QUOTA_EXHAUSTED' })
  })

  test('goes to the path and with the query of the configured address', async () => {
    const proxied = open(`${upstream.url}/deployments/one?api-version=2025-04-01&x=%26`)
    upstream.script(replyJson({ data: [image] }))
    await record(proxied, model, makeRequest())
    await proxied.close()
    expect(upstream.requests.map(({ path }) => path)).toEqual([
      '/deployments/one/images/generations?api-version=2025-04-01&x=%26',
    ])
  })

  test('commits before the first byte leaves', async () => {
    upstream.script(replyJson({ data: [image] }))
    const recorded = await record(providers, model, makeRequest(), {
      onSend: async () => {
        expect(upstream.openSockets()).toBe(1)
        expect(upstream.requests).toHaveLength(0)
      },
    })
    expect(recorded.error).toBeNull()
    expect(upstream.requests).toHaveLength(1)
  })

  test('sends nothing when the commit fails, and gives its error as it is', async () => {
    const lost = new EaselError('UNAVAILABLE', 'The lease is lost')
    const recorded = await record(providers, model, makeRequest(), { onSend: () => Promise.reject(lost) })
    expect(recorded.error).toBe(lost)
    expect(upstream.requests).toHaveLength(0)
  })

  test('is unsent when nobody listens or when TLS fails', async () => {
    const closed = open(`http://127.0.0.1:${await freePort()}/v1`)
    const plain = open(`https://127.0.0.1:${upstream.port}/v1`, { connectTimeoutMs: 200 })
    for (const unreachable of [closed, plain]) {
      const { error, sent } = await record(unreachable, model, makeRequest())
      expect(error).toMatchObject({
        certainty: 'UNSENT',
        reason: 'UPSTREAM_UNAVAILABLE',
        code: 14,
        retryable: true,
      })
      expect(sent).toBe(0)
      await unreachable.close()
    }
  })

  test('is of unknown outcome when the connection is reset after the request', async () => {
    upstream.script(({ reset }) => reset())
    const { error, sent } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'UPSTREAM_OUTCOME_UNKNOWN' })
    expect(sent).toBe(1)
    expect(upstream.requests).toHaveLength(1)
  })

  test('is of unknown outcome when the reply is cut', async () => {
    upstream.script(
      async ({ write, reset }) => {
        await write(writeHead({ contentType: 'application/json', headers: { 'content-length': '5000' } }))
        await write('{"data":[{"b64_json":"iVBOR')
        reset()
      },
      async ({ write, end }) => {
        await write(
          'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{"da\r\n',
        )
        end()
      },
    )
    for (let call = 0; call < 2; call++) {
      const recorded = await record(providers, model, makeRequest())
      expect(recorded.error).toMatchObject({ certainty: 'UNKNOWN' })
      expect(recorded.isSpoolEnded).toBe(false)
      expect(recorded.sinks.every(({ state }) => state === 'aborted')).toBe(true)
    }
  })

  test('keeps the images that were whole when the reply is cut', async () => {
    upstream.script(async ({ write, reset }) => {
      await write(writeHead({ contentType: 'application/json' }))
      await write(`{"data":[{"b64_json":"${pixelBase64}"},{"b64_json":"iVBORw0KGgoAAAAN`)
      reset()
    })
    const recorded = await record(providers, model, makeRequest({ n: 2 }))
    expect(typesOf(recorded)).toEqual(['responded', 'image'])
    expect(recorded.error).toMatchObject({ certainty: 'UNKNOWN' })
    expect(recorded.sinks.map(({ state }) => state)).toEqual(['ended', 'aborted'])
  })

  test('ends at its total deadline when nothing ever comes', async () => {
    passTimeByTurns()
    upstream.script(() => {})
    const { error } = await record(providers, model, makeRequest(), { totalTimeoutMs: 100 })
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'DEADLINE_EXCEEDED', code: 4 })
  })

  test('ends at its total deadline although heartbeats keep coming', async () => {
    passTimeByTurns()
    let timer: NodeJS.Timeout | undefined
    upstream.script(async ({ write, socket }) => {
      await write(writeHead({ contentType: 'text/event-stream' }))
      timer = setInterval(() => socket.write(': keepalive\n\n'), 5)
      socket.once('close', () => clearInterval(timer))
    })
    const { error } = await record(providers, model, makeRequest({ stream: true }), {
      totalTimeoutMs: 120,
      idleTimeoutMs: 60,
    })
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'DEADLINE_EXCEEDED' })
  })

  test('ends when the reply goes idle', async () => {
    passTimeByTurns()
    upstream.script(async ({ write }) => {
      await write(writeHead({ contentType: 'text/event-stream' }))
      await write(': here\n\n')
    })
    const { error } = await record(providers, model, makeRequest({ stream: true }), { idleTimeoutMs: 50 })
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'DEADLINE_EXCEEDED' })
  })

  test('does not call idle what the reader takes for itself', async () => {
    stopTime()
    const taken = Promise.withResolvers<void>()
    upstream.script(async ({ write, end }) => {
      await write(writeHead({ contentType: 'application/json' }))
      await write('{"data":')
      await taken.promise
      await write(JSON.stringify([image]))
      await write('}')
      end()
    })
    const { callOptions, recorded } = startRecording({ options: { idleTimeoutMs: 30 } })
    const spool = {
      write: async () => {
        vi.advanceTimersByTime(60)
        taken.resolve()
      },
      writeImage: noImages,
      end: async () => {},
    }
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    await collect(recorded, call(providers, found, makeRequest(), { ...callOptions, spool }))
    expect(recorded.error).toBeNull()
  })

  test('closes the connection when it is cancelled', async () => {
    const cancel = new AbortController()
    const closed = new Promise<void>((resolve) => {
      upstream.script(({ socket }) => {
        socket.once('close', () => resolve())
        cancel.abort(new Error('cancelled'))
      })
    })
    const { error } = await record(providers, model, makeRequest(), { signal: cancel.signal })
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'CANCELLED', code: 1 })
    await closed
  })

  test('is unsent when it is cancelled before', async () => {
    const { error } = await record(providers, model, makeRequest(), {
      signal: AbortSignal.abort(new Error('cancelled')),
    })
    expect(error).toMatchObject({ certainty: 'UNSENT', reason: 'CANCELLED' })
    expect(upstream.requests).toHaveLength(0)
  })

  test('closes the connection when its consumer leaves', async () => {
    let closed: Promise<unknown> = Promise.resolve()
    upstream.script(async ({ write, socket }) => {
      closed = new Promise((resolve) => socket.once('close', resolve))
      await write(writeHead({ contentType: 'text/event-stream' }))
      await write(`data: {"type":"image_generation.partial_image","b64_json":"${pixelBase64}"}\n\n`)
    })
    const { callOptions } = startRecording()
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    for await (const { type } of call(
      providers,
      found,
      makeRequest({ stream: true, partialImages: 1 }),
      callOptions,
    )) {
      if (type === 'partialImage') break
    }
    await closed
  })

  test('never follows a redirect', async () => {
    const elsewhere = await startScriptedUpstream()
    for (const status of [301, 302, 303, 307, 308]) {
      upstream.script(reply('', { status, headers: { location: `${elsewhere.url}/v1/images/generations` } }))
      const { error } = await record(providers, model, makeRequest())
      expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESPONSE' })
    }
    expect(elsewhere.requests).toHaveLength(0)
    await elsewhere.close()
  })

  test('cuts a reply that is too large', async () => {
    const small = open(`${upstream.url}/v1`, { maxReplyBytes: 1_000_000 })
    upstream.script(replyJson({ data: [{ b64_json: 'A'.repeat(4_000_000) }] }))
    const recorded = await record(small, model, makeRequest())
    expect(recorded.error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_RESPONSE_TOO_LARGE' })
    expect(recorded.sinks.map(({ state }) => state)).toEqual(['aborted'])
    await small.close()
  })

  test('reads one content encoding that was not asked for, and no stack of them', async () => {
    const body = gzipSync(JSON.stringify({ data: [image] }))
    upstream.script(
      reply(body, { contentType: 'application/json', headers: { 'content-encoding': 'gzip' } }),
      reply(body, { contentType: 'application/json', headers: { 'content-encoding': 'gzip, gzip' } }),
    )
    expect(typesOf(await record(providers, model, makeRequest()))).toEqual([
      'responded',
      'image',
      'completed',
    ])
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESPONSE' })
    expect(upstream.requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  test.each([
    ['an empty body', ''],
    ['HTML', '<html>hello</html>'],
    ['UTF-16', Buffer.from('\ufeff{"data":[]}', 'utf16le')],
    ['JSON that is no object', '"hello"'],
    ['null', 'null'],
    ['deep JSON', '['.repeat(100_000)],
    ['broken JSON', '{"data":[}'],
  ])('fails on a successful reply with %s', async (_, body) => {
    upstream.script(reply(body, { contentType: 'application/json' }))
    const { error } = await record(providers, model, makeRequest())
    expect(error).toBeInstanceOf(ProviderFailure)
    expect((error as ProviderFailure).certainty).toMatch(/FAILED|UNKNOWN/)
    expect((error as ProviderFailure).reason).toMatch(/UPSTREAM_INVALID_RESPONSE|UPSTREAM_RESPONSE_TOO_LARGE/)
  })

  test('lets an error of a sink or of the spool out as it is', async () => {
    upstream.script(replyJson({ data: [image] }))
    const full = new Error('ENOSPC')
    const bySink = await record(providers, model, makeRequest(), {
      openSink: () => ({ write: () => Promise.reject(full), end: async () => pixel, abort: async () => {} }),
    })
    expect(bySink.error).toBe(full)
    const bySpool = await record(providers, model, makeRequest(), {
      spool: { write: () => Promise.reject(full), writeImage: noImages, end: async () => {} },
    })
    expect(bySpool.error).toBe(full)
  })

  test('makes an invalid result of an image that its sink refuses, and keeps the usage', async () => {
    upstream.script(
      replyJson({ data: [image], usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } }),
    )
    const refusal = new EaselError('BAD_USER_INPUT', 'not an image')
    const recorded = await record(providers, model, makeRequest(), {
      openSink: () => ({ write: async () => {}, end: () => Promise.reject(refusal), abort: async () => {} }),
    })
    expect(typesOf(recorded)).toEqual(['responded', 'imageFailed'])
    expect(recorded.error).toMatchObject({
      certainty: 'FAILED',
      reason: 'UPSTREAM_INVALID_RESULT',
      usage: { outputTokens: 2 },
    })
  })

  test('is of unknown outcome when a source image breaks off while it is sent', async () => {
    const short = makeSource(pixel, { byteSize: pixel.length + 100_000 })
    const request = makeRequest({ kind: 'EDIT', images: [short] })
    const { error } = await record(providers, model, request)
    expect(error).toMatchObject({ certainty: 'UNKNOWN' })
    expect(upstream.requests).toHaveLength(0)
  })

  test('notices source images whose lengths are wrong although their sum is right', async () => {
    const longer = makeSource(pixel, { byteSize: pixel.length + 10 })
    const shorter = makeSource(pixel, { byteSize: pixel.length - 10 })
    const { error } = await record(providers, model, makeRequest({ kind: 'EDIT', images: [longer, shorter] }))
    expect(error).toMatchObject({ certainty: 'UNKNOWN' })
    expect(upstream.requests).toHaveLength(0)
  })

  test('sends nothing when it is cancelled while the commit is made', async () => {
    const cancel = new AbortController()
    const onSend = async () => cancel.abort(new Error('cancelled'))
    const { error } = await record(providers, model, makeRequest(), { onSend, signal: cancel.signal })
    expect(error).toMatchObject({ certainty: 'UNSENT', reason: 'CANCELLED' })
    expect(upstream.requests).toHaveLength(0)
  })

  test('keeps what it could not read out of its errors', async () => {
    upstream.script(async ({ write, end }) => {
      await write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ a secret rose\r\n')
      end()
    })
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'UNKNOWN' })
    expect(inspect(error, { depth: 9 })).not.toContain('secret rose')
  })

  test('never shows its key', async () => {
    upstream.script(
      replyJson({ error: { message: `Incorrect API key provided: ${secret}` } }, { status: 400 }),
    )
    const { error } = await record(providers, model, makeRequest())
    expect((error as Error).message).not.toContain(secret)
    expect(upstream.requests[0]?.headers.authorization).toBe(`Bearer ${secret}`)
  })

  test('uses a connection of its own', async () => {
    upstream.script(replyJson({ data: [image] }))
    await record(providers, model, makeRequest())
    await record(providers, model, makeRequest())
    expect(upstream.requests.map(({ headers }) => headers.connection)).toEqual(['close', 'close'])
  })

  test('pauses a provider that keeps failing, and tries it again with a real call', async () => {
    let uptime = 0
    const told: unknown[] = []
    const tell = (fields: object, message: string) => told.push([fields, message])
    const fragile = openProviders(
      [
        {
          name: 'up',
          preset: 'openai',
          baseUrl: `${upstream.url}/v1`,
          apiKey: secret,
          models: ['gpt-image-2'],
        },
      ],
      {
        limits: { breaker: { maxFailures: 2, pauseMs: 30_000 } },
        uptimeMs: () => uptime,
        log: { info: tell, warn: tell },
      },
    )
    upstream.script(reply('', { status: 500 }), reply('', { status: 500 }), replyJson({ data: [image] }))
    await record(fragile, model, makeRequest())
    await record(fragile, model, makeRequest())
    expect(fragile.health('up').enter({ isRetry: false })).toEqual({ why: 'OPEN', ms: 30_000 })
    expect(upstream.requests).toHaveLength(2)
    const fields = { provider: 'up', failures: 2, reason: 'UPSTREAM_UNAVAILABLE', forMs: 30_000 }
    expect(told).toEqual([[fields, 'provider keeps failing: pausing its calls']])
    uptime = 30_000
    expect((await record(fragile, model, makeRequest())).error).toBeNull()
    expect((await record(fragile, model, makeRequest())).error).toBeNull()
    expect(told.slice(1)).toEqual([[{ provider: 'up' }, 'provider is called again']])
    await fragile.close()
  })
})
