import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Providers } from '../../src/providers/providers.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { reply, replyJson, writeHead } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import {
  collect,
  makeRequest,
  pixel,
  pixelBase64,
  type Recorded,
  record,
  startRecording,
  typesOf,
} from './call-kit.ts'
import { passTimeByTurns } from './passing-time.ts'

let upstream: ScriptedUpstream
let providers: Providers

beforeEach(async () => {
  upstream = await startScriptedUpstream()
  providers = openProviders([
    {
      name: 'art',
      preset: 'yandex-art',
      baseUrl: upstream.url,
      apiKey: 'AQVN-secret',
      folderId: 'b1gfolder',
    },
  ])
})

afterEach(async () => {
  await providers.close()
  await upstream.close()
})

const model = 'art/yandex-art'

/** As in Yandex's own example: the dates of a new operation are null. */
const started = (id: string) => ({
  id,
  description: '',
  createdAt: null,
  createdBy: '',
  modifiedAt: null,
  done: false,
  metadata: null,
})
const type =
  'type.googleapis.com/yandex.cloud.ai.foundation_models.v1.image_generation.ImageGenerationResponse'
const done = (id: string, response: object = { image: pixelBase64, modelVersion: '' }) => ({
  ...started(id),
  done: true,
  response: { '@type': type, ...response },
})
const failed = (id: string, error: object, isDone = true) => ({ ...started(id), done: isDone, error })

const asked = () => upstream.requests.map(({ method, path }) => `${method} ${path}`)
const submit = 'POST /foundationModels/v1/imageGenerationAsync'

describe('a call of YandexART', () => {
  test('submits once and asks until the image is there', async () => {
    upstream.script(
      replyJson(started('op1'), { headers: { 'x-request-id': 'req' } }),
      replyJson(started('op1')),
      replyJson(done('op1')),
    )
    const recorded = await record(providers, model, makeRequest())
    expect(recorded.error).toBeNull()
    expect(recorded.events).toMatchObject([
      { type: 'responded', httpStatus: 200, upstreamRequestId: 'req' },
      { type: 'image', index: 0, image: pixel },
      { type: 'completed', facts: { modelVersion: null, usage: null } },
    ])
    expect(asked()).toEqual([submit, 'GET /operations/op1', 'GET /operations/op1'])
    expect(recorded).toMatchObject({ sent: 1, submitted: ['op1'], isSpoolEnded: true })
  })

  test('sends 64-bit integers as strings, and one operation with a seed of its own for each image', async () => {
    upstream.script(
      replyJson(started('op1')),
      replyJson(started('op2')),
      replyJson(done('op1')),
      replyJson(done('op2')),
    )
    const seed = 2n ** 63n - 1n
    const request = makeRequest({ n: 2, seed, aspectRatio: { widthRatio: 2n, heightRatio: 1n } })
    const recorded = await record(providers, model, request)
    expect(recorded).toMatchObject({ error: null, sent: 1, submitted: ['op1', 'op2'] })
    const [first, second, poll] = upstream.requests
    expect(JSON.parse(first?.body.toString() ?? '')).toEqual({
      modelUri: 'art://b1gfolder/yandex-art/latest',
      messages: [{ text: 'a red rose on a white table' }],
      generationOptions: {
        mimeType: 'image/jpeg',
        seed: '9223372036854775807',
        aspectRatio: { widthRatio: '2', heightRatio: '1' },
      },
    })
    expect(JSON.parse(second?.body.toString() ?? '').generationOptions.seed).toBe('1')
    expect(first?.headers.authorization).toBe('Api-Key AQVN-secret')
    expect(poll).toMatchObject({ path: '/operations/op1', headers: { authorization: 'Api-Key AQVN-secret' } })
    expect(recorded.events.filter((event) => event.type === 'image').map(({ index }) => index)).toEqual([
      0, 1,
    ])
  })

  test('sends messages with a weight of 1 as the official samples do, and a size as a ratio', async () => {
    upstream.script(replyJson(started('op1')), replyJson(done('op1')))
    const messages = [
      { text: 'rose', weight: 1 },
      { text: 'red', weight: null },
    ]
    await record(providers, model, makeRequest({ prompt: null, messages, size: '1536x1024' }))
    expect(JSON.parse(upstream.requests[0]?.body.toString() ?? '')).toMatchObject({
      messages: [{ text: 'rose', weight: '1' }, { text: 'red' }],
      generationOptions: { aspectRatio: { widthRatio: '3', heightRatio: '2' } },
    })
  })

  test('keeps the id of an operation before it asks for it', async () => {
    upstream.script(replyJson(started('op1')), replyJson(done('op1')))
    const broken = new Error('the database is gone')
    const { error } = await record(providers, model, makeRequest(), {
      onSubmitted: () => Promise.reject(broken),
    })
    expect(error).toBe(broken)
    expect(asked()).toEqual([submit])
  })

  test.each([
    [400, { code: 3, message: 'prompt is too long' }, 'REFUSED', 'UPSTREAM_INVALID_REQUEST'],
    [401, { code: 16, message: 'Token is invalid or has expired.' }, 'REFUSED', 'UPSTREAM_AUTH'],
    [403, { error: { code: 7, message: 'Permission denied' } }, 'REFUSED', 'UPSTREAM_AUTH'],
    [429, { code: 8, message: 'quota' }, 'REFUSED', 'RATE_LIMITED'],
    [500, { code: 13, message: 'internal' }, 'UNKNOWN', 'UPSTREAM_UNAVAILABLE'],
    [400, { error: 'не могу сгенерировать, выберите другую тему', code: 3 }, 'REFUSED', 'CONTENT_REFUSED'],
    [200, {}, 'UNKNOWN', 'UPSTREAM_INVALID_RESPONSE'],
  ])('ends when the submission is answered with %i %j', async (status, body, certainty, reason) => {
    upstream.script(replyJson(body, { status }))
    const { error, submitted } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty, reason })
    expect(submitted).toEqual([])
  })

  test.each([
    [failed('op1', { code: 3, message: 'bad prompt' }), 'UPSTREAM_INVALID_REQUEST'],
    [failed('op1', { code: 13, message: 'oops' }, false), 'UPSTREAM_FAILED'],
    [failed('op1', { code: 8, message: 'busy' }), 'RATE_LIMITED'],
    [started('op1') && { ...started('op1'), done: true }, 'UPSTREAM_INVALID_RESPONSE'],
    [done('op1', {}), 'NO_IMAGE'],
    [done('op1', { image: '' }), 'NO_IMAGE'],
    [done('op1', { image: '<not base64>' }), 'UPSTREAM_INVALID_RESULT'],
  ])('fails for good when the operation says %j', async (operation, reason) => {
    upstream.script(replyJson(started('op1')), replyJson(operation))
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason })
    expect(asked()).toEqual([submit, 'GET /operations/op1'])
  })

  test('takes an error with code 0 for none', async () => {
    upstream.script(replyJson(started('op1')), replyJson({ ...done('op1'), error: { code: 0, message: '' } }))
    expect(typesOf(await record(providers, model, makeRequest()))).toEqual([
      'responded',
      'image',
      'completed',
    ])
  })

  test('tells the version of the model', async () => {
    upstream.script(
      replyJson(started('op1')),
      replyJson(done('op1', { image: pixelBase64, modelVersion: 'v5' })),
    )
    const { events } = await record(providers, model, makeRequest())
    expect(events.at(-1)).toMatchObject({ facts: { modelVersion: 'v5' } })
  })

  test('goes on asking through failures of single questions', async () => {
    const cut: Script = async ({ write, reset }) => {
      await write(
        `${writeHead({ headers: { 'content-length': '9000' } })}{"id":"op1","done":true,"response":{"image":"iVBORw0KGgo`,
      )
      reset()
    }
    upstream.script(
      replyJson(started('op1')),
      reply('<html>', { status: 502 }),
      replyJson({ code: 8 }, { status: 429 }),
      ({ reset }) => reset(),
      cut,
      reply('not json'),
      replyJson(done('op1')),
    )
    const recorded = await record(providers, model, makeRequest())
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'completed'])
    expect(recorded.sinks.map(({ state }) => state)).toEqual(['aborted', 'ended'])
    // A cut answer lies in the spool: asking again is worth more than reading that.
    expect(recorded.isSpoolEnded).toBe(false)
  })

  test('asks again when a question is never answered', async () => {
    passTimeByTurns()
    upstream.script(replyJson(started('op1')), () => {}, replyJson(done('op1')))
    const recorded = await record(providers, model, makeRequest(), { idleTimeoutMs: 100 })
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'completed'])
  })

  test('says that a result is gone', async () => {
    upstream.script(replyJson(started('op1')), replyJson({ code: 5, message: 'not found' }, { status: 404 }))
    const { error } = await record(providers, model, makeRequest())
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'RESULT_EXPIRED' })
  })

  test('is of unknown outcome when time is over before the image is done', async () => {
    passTimeByTurns()
    upstream.script(replyJson(started('op1')))
    const { error, submitted } = await record(providers, model, makeRequest(), { totalTimeoutMs: 200 })
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'DEADLINE_EXCEEDED' })
    expect(submitted).toEqual(['op1'])
  })

  test('stops asking when it is cancelled', async () => {
    const cancel = new AbortController()
    upstream.script(replyJson(started('op1')), (exchange) => {
      cancel.abort(new Error('cancelled'))
      return replyJson(started('op1'))(exchange)
    })
    const { error } = await record(providers, model, makeRequest(), { signal: cancel.signal })
    expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'CANCELLED' })
  })

  test('brings the images it can when a later submission fails', async () => {
    upstream.script(
      replyJson(started('op1')),
      replyJson({ code: 8, message: 'quota' }, { status: 429 }),
      replyJson(done('op1')),
    )
    const recorded = await record(providers, model, makeRequest({ n: 3 }))
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'imageFailed', 'imageFailed', 'completed'])
    expect(recorded.events[2]).toMatchObject({
      index: 1,
      failure: { certainty: 'FAILED', reason: 'RATE_LIMITED' },
    })
    expect(recorded.submitted).toEqual(['op1'])
  })

  test('may have taken an image whose submit was cut off, but none of those behind it', async () => {
    upstream.script(replyJson(started('op1')), ({ reset }) => reset(), replyJson(done('op1')))
    const recorded = await record(providers, model, makeRequest({ n: 3 }))
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'imageFailed', 'imageFailed', 'completed'])
    expect(certaintiesOf(recorded)).toEqual(['UNKNOWN', 'FAILED'])
  })

  test('may have taken one more image than is known when its process died', async () => {
    upstream.script(replyJson(done('op1')))
    const { recorded, callOptions } = startRecording()
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    const request = makeRequest({ n: 3 })
    await collect(recorded, providers.resume(found, request, [{ id: 'op1' }], callOptions))
    expect(certaintiesOf(recorded)).toEqual(['UNKNOWN', 'FAILED'])
    const again = startRecording()
    const chunks = (async function* () {
      yield recorded.spool
    })()
    await collect(again.recorded, providers.replay(found, request, chunks, again.callOptions.openSink))
    expect(again.recorded.events).toEqual(recorded.events)
  })

  test('is resumed by asking alone', async () => {
    upstream.script(replyJson(done('op1')), replyJson(started('op2')), replyJson(done('op2')))
    const { recorded, callOptions } = startRecording()
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    await collect(
      recorded,
      providers.resume(found, makeRequest({ n: 2 }), [{ id: 'op1' }, { id: 'op2' }], callOptions),
    )
    expect(typesOf(recorded)).toEqual(['image', 'image', 'completed'])
    expect(asked()).toEqual(['GET /operations/op1', 'GET /operations/op2', 'GET /operations/op2'])
    expect(recorded.sent).toBe(0)
  })

  test('is asked for while calls of its provider are paused', async () => {
    upstream.script(reply('', { status: 500 }), replyJson(done('op1')))
    const fragile = openProviders(
      [{ name: 'art', preset: 'yandex-art', baseUrl: upstream.url, apiKey: 'k', folderId: 'b1gfolder' }],
      { limits: { breaker: { maxFailures: 1, pauseMs: 30_000 } } },
    )
    await record(fragile, model, makeRequest())
    const { recorded, callOptions } = startRecording()
    const found = fragile.find(model)
    if (!found) throw new Error('no model')
    await collect(recorded, fragile.resume(found, makeRequest(), [{ id: 'op1' }], callOptions))
    expect(recorded.error).toBeNull()
    expect(typesOf(recorded)).toEqual(['image', 'completed'])
    await fragile.close()
  })

  test('is read from its spool, whatever the order of its operations', async () => {
    upstream.script(
      replyJson(started('op1')),
      replyJson(started('op2')),
      replyJson(started('op1')),
      replyJson(done('op2', { image: pixelBase64 })),
      replyJson(done('op1', { image: 'AAAA' })),
    )
    const recorded = await record(providers, model, makeRequest({ n: 2 }))
    expect(recorded.isSpoolEnded).toBe(true)
    const again = startRecording()
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    const chunks = (async function* () {
      yield recorded.spool
    })()
    await collect(
      again.recorded,
      providers.replay(found, makeRequest({ n: 2 }), chunks, again.callOptions.openSink),
    )
    expect(again.recorded.events).toEqual(recorded.events.slice(1))
  })

  test('is read from the spool of an earlier version, which kept ids alone', async () => {
    const found = providers.find(model)
    if (!found) throw new Error('no model')
    const head = { status: 200, headers: {}, upstreamOperationIds: ['op1', 'op2'] }
    const answers = [started('op1'), done('op2'), done('op1', { image: 'AAAA' })]
    const spool = [head, ...answers].map((line) => `${JSON.stringify(line)}\n`).join('')
    const { recorded, callOptions } = startRecording()
    const chunks = (async function* () {
      yield Buffer.from(spool)
    })()
    await collect(recorded, providers.replay(found, makeRequest({ n: 2 }), chunks, callOptions.openSink))
    expect(recorded.events).toMatchObject([
      { type: 'image', index: 1, image: pixel },
      { type: 'image', index: 0, image: Buffer.alloc(3) },
      { type: 'completed' },
    ])
  })

  test('paces its questions', async () => {
    const slow = openProviders(
      [{ name: 'art', preset: 'yandex-art', baseUrl: upstream.url, apiKey: 'k', folderId: 'b1g' }],
      { limits: { pollIntervalsMs: [20, 40] }, random: () => 0 },
    )
    const pending = replyJson(started('op1'))
    upstream.script(pending, pending, pending, replyJson(done('op1')))
    const start = performance.now()
    await record(slow, model, makeRequest())
    expect(performance.now() - start).toBeGreaterThanOrEqual(95)
    await slow.close()
  })
})

const certaintiesOf = ({ events }: Recorded) =>
  events.flatMap((event) => (event.type === 'imageFailed' ? [event.failure.certainty] : []))
