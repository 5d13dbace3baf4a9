import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ImageRequest } from '../../src/catalogue/image-request.ts'
import type { ProviderOptions } from '../../src/providers/providers.ts'
import { hangMs } from '../kit/limits.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { reply, replyEvents, replyJson, writeHead } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { makeRequest, makeSource, pixel, pixelBase64, record, typesOf } from './call-kit.ts'

/*
 * How servers that speak OpenAI's dialect differ from it: each of these was seen in the wild. The numbers are those
 * of the list they were collected in.
 */

let upstream: ScriptedUpstream

beforeEach(async () => {
  upstream = await startScriptedUpstream()
})

afterEach(() => upstream.close())

async function call(
  script: Script,
  request: Partial<ImageRequest> = {},
  provider: Partial<ProviderOptions> = {},
  usageWaitMs = hangMs,
) {
  upstream.script(script)
  const configured = { name: 'up', preset: 'openai' as const, baseUrl: `${upstream.url}/v1`, ...provider }
  const providers = openProviders([configured], { limits: { usageWaitMs } })
  const [model] = providers.models().filter(({ name }) => provider.models || name === 'gpt-image-2')
  if (!model) throw new Error('no model')
  const recorded = await record(providers, model, makeRequest(request))
  await providers.close()
  expect(recorded.sinks.filter(({ state }) => state === 'open')).toEqual([])
  return recorded
}

const image = { b64_json: pixelBase64 }
const whole = ['responded', 'image', 'completed']
const stream: Partial<ImageRequest> = { stream: true, partialImages: 3 }
const event = (type: string | null, data: unknown) =>
  `${type ? `event: ${type}\n` : ''}data: ${JSON.stringify(data)}\n\n`
const partial = event('image_generation.partial_image', {
  type: 'image_generation.partial_image',
  ...image,
  partial_image_index: 0,
})
const completed = event('image_generation.completed', { type: 'image_generation.completed', ...image })
const factsOf = (events: { type: string }[]) =>
  events.at(-1) as { type: 'completed'; facts: Record<string, unknown> }

describe('a call survives', () => {
  test.each([undefined, null, {}, { input_tokens: 0, output_tokens: 0 }, { input_tokens: null }])(
    '1: usage that says %j',
    async (usage) => {
      const { events } = await call(replyJson({ data: [image], usage }))
      expect(factsOf(events).facts.usage).toBeNull()
    },
  )

  test('2: usage without its input details', async () => {
    const { events } = await call(replyJson({ data: [image], usage: { input_tokens: 3, output_tokens: 4 } }))
    expect(factsOf(events).facts.usage).toMatchObject({
      inputTokens: 3,
      inputImageTokens: null,
      outputTokens: 4,
    })
  })

  test('a bill, which is the cost where the operator says so, with or without tokens', async () => {
    const told = { prompt_tokens: 3, completion_tokens: 4, cost: 0.0412 }
    const usageOf = async (usage: unknown, options: Partial<ProviderOptions>, asEvents = false) => {
      const script = asEvents
        ? replyEvents(event('image_generation.completed', { ...image, usage }))
        : replyJson({ data: [image], usage })
      const { events } = await call(script, asEvents ? stream : {}, options)
      return factsOf(events).facts.usage
    }
    const bill = { cost: { micros: 41_200, currency: 'USD' } }
    expect(await usageOf(told, { costFrom: 'reply' })).toMatchObject({ inputTokens: 3, ...bill })
    expect(await usageOf(told, { costFrom: 'reply' }, true)).toMatchObject({ inputTokens: 3, ...bill })
    expect(await usageOf({ cost_in_usd_ticks: 412_000_000 }, { costFrom: 'reply' })).toMatchObject(bill)
    for (const options of [{}, { costFrom: 'prices' } as const])
      expect(await usageOf(told, options)).not.toHaveProperty('cost')
    expect(await usageOf({ ...told, cost: undefined }, { costFrom: 'reply' })).not.toHaveProperty('cost')
  })

  test('a bill for a picture that it keeps to itself', async () => {
    const body = { data: [{ respect_moderation: false }], usage: { cost_in_usd_ticks: 400_000_000 } }
    const { error } = await call(replyJson(body), {}, { costFrom: 'reply' })
    expect(error).toMatchObject({ usage: { cost: { micros: 40_000, currency: 'USD' } } })
  })

  test('3: usage with the names of chat completions', async () => {
    const { events } = await call(
      replyJson({ data: [image], usage: { prompt_tokens: 3, completion_tokens: 4 } }),
    )
    expect(factsOf(events).facts.usage).toMatchObject({ inputTokens: 3, outputTokens: 4 })
  })

  test('4: a stream without output details: all output is image tokens', async () => {
    const last = event('image_generation.completed', {
      ...image,
      usage: { output_tokens: 372, output_tokens_details: {} },
    })
    const { events } = await call(replyEvents(last), stream)
    expect(factsOf(events).facts.usage).toMatchObject({ outputImageTokens: 372 })
  })

  test('5: addresses instead of base64, whose download is tried again', async () => {
    upstream.script(replyJson({ data: [{ url: `${upstream.url}/a.png` }] }))
    const providers = openProviders([{ name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1` }])
    upstream.script(
      replyJson({ data: [{ url: `${upstream.url}/a.png` }] }),
      reply('', { status: 503 }),
      reply(pixel),
    )
    const recorded = await record(providers, 'up/gpt-image-2', makeRequest())
    expect(recorded.events[1]).toMatchObject({ type: 'image', image: pixel })
    expect(upstream.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/images/generations',
      'GET /a.png',
      'GET /a.png',
    ])
    await providers.close()
  })

  test('6: a bare list with relative addresses', async () => {
    const script: Script = (exchange) =>
      exchange.request.method === 'POST'
        ? replyJson([{ url: '/api/v1/files/1' }])(exchange)
        : reply(pixel)(exchange)
    const { events } = await call(script)
    expect(events[1]).toMatchObject({ type: 'image', image: pixel })
    expect(upstream.requests[1]?.path).toBe('/api/v1/files/1')
  })

  test.each([
    { b64_json: `data:image/png;base64,${pixelBase64}` },
    { url: `data:image/png;base64,${pixelBase64}` },
    { b64_json: pixel.toString('base64url') },
    { b64_json: `${pixelBase64.slice(0, 20)}\n ${pixelBase64.slice(20)}` },
  ])('7: the image as %o', async (item) => {
    const { events } = await call(replyJson({ data: [item] }))
    expect(events[1]).toMatchObject({ type: 'image', image: pixel })
  })

  test.each([
    { images: [{ url: '/img' }], timings: { inference: 1 }, seed: 42 },
    { images: [pixelBase64] },
    { images: [`data:image/png;base64,${pixelBase64}`] },
    { images: pixelBase64 },
    { image: pixelBase64, images: [], output: 'done' },
    { output: ['/img'] },
    { output: '/img', status: 'succeeded' },
    { output: [pixelBase64] },
    { output: { results: [{ url: '/img' }] } },
    { output: { choices: [{ message: { content: [{ text: 'here' }, { image: '/img' }] } }] } },
    { choices: [{ message: { images: [{ image_url: { url: `data:image/png;base64,${pixelBase64}` } }] } }] },
    { data: { b64_json: pixelBase64 } },
    { data: { url: '/img' } },
    { data: { image_urls: ['/img'] }, base_resp: { status_code: 0 } },
    { data: { image_base64: [pixelBase64] } },
    { data: ['/img'] },
    { data: [pixelBase64] },
    { data: pixelBase64 },
    { data: [], images: [{ b64_json: pixelBase64 }] },
    { b64_json: pixelBase64 },
    ['/img'],
    [pixelBase64],
    [`data:image/png;base64,${pixelBase64}`],
  ])('7: the image elsewhere in the reply: %j', async (body) => {
    const script: Script = (exchange) =>
      exchange.request.method === 'POST' ? replyJson(body)(exchange) : reply(pixel)(exchange)
    const recorded = await call(script)
    expect(typesOf(recorded)).toEqual(whole)
    expect(recorded.events[1]).toMatchObject({ image: pixel })
  })

  test('7: an image in two places is taken once', async () => {
    const recorded = await call(replyJson({ images: [{ ...image }], data: [{ url: '/img' }] }))
    expect(typesOf(recorded)).toEqual(whole)
  })

  test('7: words where others have an image take its place from none', async () => {
    const body = { output: 'done', result: 'iVery well', images: 'one', data: [image] }
    const { events } = await call(replyJson(body))
    expect(events[1]).toMatchObject({ type: 'image', image: pixel })
  })

  test('7: an address in the words of an error is no image', async () => {
    const { error } = await call(replyJson({ message: 'https://example.com/help says no', code: 'x' }))
    expect(error).toMatchObject({ reason: 'UPSTREAM_FAILED' })
    expect(upstream.requests).toHaveLength(1)
  })

  test('7: several images in a list of texts', async () => {
    const recorded = await call(replyJson({ images: [pixelBase64, pixelBase64] }), { n: 2 })
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'image', 'completed'])
  })

  test('7: the bytes of the image as the reply', async () => {
    const recorded = await call(reply(pixel, { contentType: 'image/png' }))
    expect(typesOf(recorded)).toEqual(whole)
    expect(recorded.events[1]).toMatchObject({ index: 0, image: pixel })
  })

  test('8: bytes that are not of the format asked for', async () => {
    const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])
    const { events } = await call(
      replyJson({ data: [{ b64_json: jpeg.toString('base64') }], output_format: 'png' }),
    )
    expect(events[1]).toMatchObject({ type: 'image', image: jpeg })
  })

  test.each([{ data: [] }, { data: [{ b64_json: '' }] }, { data: [{ b64_json: null }] }, {}, { data: null }])(
    '9: success without an image: %j is a failure, and is not tried again',
    async (body) => {
      const { error } = await call(replyJson(body))
      expect(error).toMatchObject({ certainty: 'FAILED', reason: 'NO_IMAGE' })
      expect(upstream.requests).toHaveLength(1)
    },
  )

  test('9: a last event without an image', async () => {
    const { error } = await call(
      replyEvents(event('image_edit.completed', { b64_json: '', usage: { output_tokens: 9 } })),
      stream,
    )
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'NO_IMAGE', usage: { outputTokens: 9 } })
  })

  test.each([
    ['an error of its own', { error: { code: 'OutputImageSensitiveContentDetected', message: 'No.' } }],
    ['an error that is a text', { error: 'blocked by moderation' }],
    ["xAI's mark", { url: '', respect_moderation: false }],
    ["Ideogram's mark", { url: null, is_image_safe: false }],
  ])('9: an item without an image that says why by %s', async (_, item) => {
    const { error } = await call(replyJson({ data: [item] }))
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'CONTENT_REFUSED', retryable: false })
    const recorded = await call(replyJson({ data: [item, image] }), { n: 2 })
    expect(typesOf(recorded)).toEqual(['responded', 'imageFailed', 'image', 'completed'])
    expect(recorded.events[1]).toMatchObject({ index: 0, failure: { reason: 'CONTENT_REFUSED' } })
  })

  test('9: an item whose own error is that of no work may be paid for beside others', async () => {
    const missing = { error: { code: 'model_not_found', message: 'No.' } }
    const { events } = await call(replyJson({ data: [image, missing] }), { n: 2 })
    expect(events[2]).toMatchObject({ type: 'imageFailed', failure: { certainty: 'FAILED' } })
  })

  test('10: fewer images than were asked for', async () => {
    const recorded = await call(replyJson({ data: [image] }), { n: 3 })
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'imageFailed', 'imageFailed', 'completed'])
    expect(recorded.events[3]).toMatchObject({ index: 2, failure: { reason: 'NO_IMAGE' } })
  })

  test('10: a stream that ends early without saying so may have cost what is missing', async () => {
    const final = event('image_edit.completed', image)
    const cut = await call(replyEvents(final), { ...stream, n: 3 })
    expect(typesOf(cut)).toEqual(['responded', 'image', 'imageFailed', 'imageFailed', 'completed'])
    expect(cut.events[2]).toMatchObject({ failure: { certainty: 'UNKNOWN' } })
    const done = await call(replyEvents(final, 'data: [DONE]\n\n'), { ...stream, n: 3 })
    expect(done.events[2]).toMatchObject({ failure: { certainty: 'FAILED', reason: 'NO_IMAGE' } })
  })

  test.each([
    [
      'a successful body',
      replyJson({ error: { message: 'no', code: 'rate_limit_exceeded' } }),
      'RATE_LIMITED',
    ],
    [
      'an event without a name',
      replyEvents(event(null, { error: { message: 'no', code: 'moderation_blocked' } })),
      'CONTENT_REFUSED',
    ],
    [
      'an event named error',
      replyEvents(event('error', { message: 'no', type: 'x', code: 'y', param: null })),
      'UPSTREAM_FAILED',
    ],
    [
      'an event of the type error',
      replyEvents(event(null, { type: 'error', message: 'no' })),
      'UPSTREAM_FAILED',
    ],
  ])('11: an error in %s', async (_, script, reason) => {
    const { error } = await call(script, stream)
    expect(error).toMatchObject({ certainty: 'FAILED', reason })
  })

  test('12: JSON where a stream was asked for, also under the wrong type', async () => {
    expect(typesOf(await call(replyJson({ data: [image] }), stream))).toEqual(whole)
    const mislabelled = reply(JSON.stringify({ data: [image] }), { contentType: 'text/event-stream' })
    expect(typesOf(await call(mislabelled, stream))).toEqual(whole)
  })

  test('13: events without names, without spaces, over several lines', async () => {
    const text = `data:{"type":"image_generation.completed",\ndata:"b64_json":"${pixelBase64}"}\n\n`
    expect(typesOf(await call(replyEvents(text), stream))).toEqual(whole)
    const unnamed = `data: {"b64_json":"${pixelBase64}","object":"image.edit.chunk"}\r\n\r\n`
    expect(typesOf(await call(replyEvents(unnamed), stream))).toEqual(whole)
  })

  const one = (index: number, more: object = {}) => {
    const type = 'image_generation.partial_succeeded'
    return event(type, { type, image_index: index, ...image, ...more })
  }
  const summary = event('image_generation.completed', {
    type: 'image_generation.completed',
    usage: { generated_images: 1, output_tokens: 4096, total_tokens: 4096 },
  })
  const failedOne = event('image_generation.partial_failed', {
    type: 'image_generation.partial_failed',
    image_index: 0,
    error: { code: 'OutputImageSensitiveContentDetected', message: 'No.' },
  })

  test('13: a summary with the usage behind the last image', async () => {
    const recorded = await call(replyEvents(one(0, { size: '32x24' }), summary), stream)
    expect(typesOf(recorded)).toEqual(whole)
    expect(factsOf(recorded.events).facts).toMatchObject({ size: '32x24', usage: { outputTokens: 4096 } })
  })

  test('13: a summary of fewer images than were asked for: the others were not made', async () => {
    const recorded = await call(replyEvents(one(0), summary), { ...stream, n: 3 })
    expect(typesOf(recorded)).toEqual(['responded', 'image', 'imageFailed', 'imageFailed', 'completed'])
    expect(recorded.events[2]).toMatchObject({
      index: 1,
      failure: { certainty: 'FAILED', reason: 'NO_IMAGE' },
    })
  })

  test.each([
    ['an event of its own', failedOne],
    [
      'an error that names its place',
      event('error', { error: { code: 'content_filter', message: 'No.' }, image_index: 0 }),
    ],
  ])('13: one image of two that fails by %s takes its place, and the other arrives', async (_, failure) => {
    const recorded = await call(replyEvents(failure, one(1), summary), { ...stream, n: 2 })
    expect(typesOf(recorded)).toEqual(['responded', 'imageFailed', 'image', 'completed'])
    expect(recorded.events[1]).toMatchObject({ index: 0, failure: { reason: 'CONTENT_REFUSED' } })
    expect(recorded.events[2]).toMatchObject({ index: 1 })
    expect(factsOf(recorded.events).facts.usage).toMatchObject({ outputTokens: 4096 })
  })

  test('13: the only image fails in an event of its own, and the usage behind it counts', async () => {
    const { error } = await call(replyEvents(failedOne, summary, 'data: [DONE]\n\n'), stream)
    expect(error).toMatchObject({ reason: 'CONTENT_REFUSED', usage: { outputTokens: 4096 } })
  })

  test('13: images that name their places come in any order', async () => {
    const { events } = await call(replyEvents(one(1), one(0), summary), { ...stream, n: 2 })
    expect(events.map((each) => ('index' in each ? each.index : null))).toEqual([null, 1, 0, null])
  })

  test('14: a connection that breaks after the last image takes nothing away', async () => {
    const broken: Script = async ({ write, reset }) => {
      await write(writeHead({ contentType: 'text/event-stream' }))
      await write(one(0))
      reset()
    }
    expect(typesOf(await call(broken, stream))).toEqual(whole)
  })

  test('14: an error after the last image takes nothing away', async () => {
    const late = event('error', { error: { message: 'No.' } })
    expect(typesOf(await call(replyEvents(one(0), late), stream))).toEqual(whole)
  })

  test('14: heartbeats around events, and a stream that never ends after the last', async () => {
    const endless: Script = async ({ write }) => {
      await write(writeHead({ contentType: 'text/event-stream' }))
      await write(`: keepalive\n\n${partial}: ping\n\n${completed}: keepalive\n\n`)
    }
    const recorded = await call(endless, stream, {}, 1)
    expect(typesOf(recorded)).toEqual(['responded', 'partialImage', 'image', 'completed'])
  })

  test('15: [DONE] at the end, which is no success by itself', async () => {
    expect(typesOf(await call(replyEvents(completed, 'data: [DONE]\n\n'), stream))).toEqual(whole)
    const { error } = await call(replyEvents(partial, 'data: [DONE]\n\n'), stream)
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'NO_IMAGE' })
  })

  test('16: an end after partial images: none of them becomes the result', async () => {
    const recorded = await call(replyEvents(partial, partial), stream)
    expect(typesOf(recorded)).toEqual(['responded', 'partialImage', 'partialImage'])
    expect(recorded.error).toMatchObject({ certainty: 'UNKNOWN', reason: 'UPSTREAM_OUTCOME_UNKNOWN' })
  })

  test('17: a line of many megabytes, and one that is cut', async () => {
    const large = Buffer.alloc(6_000_000, 7)
    const last = event('image_generation.completed', { b64_json: large.toString('base64') })
    const { events } = await call(replyEvents(last), stream)
    expect(events[1]).toMatchObject({ type: 'image' })
    expect((events[1] as { image: Buffer }).image.equals(large)).toBe(true)
    const cut = await call(replyEvents(partial, last.slice(0, 1_000_000)), stream)
    expect(cut.error).toMatchObject({ certainty: 'UNKNOWN' })
  })

  test('18: events after the last image', async () => {
    const recorded = await call(replyEvents(completed, partial, completed), stream)
    expect(typesOf(recorded)).toEqual(whole)
  })

  test('more images than were asked for: no others are even opened', async () => {
    const json = await call(replyJson({ data: [image, image, image] }))
    expect(typesOf(json)).toEqual(whole)
    expect(json.sinks).toHaveLength(1)
  })

  test.each([undefined, '1', -1, 99, 1.5, null])('19: a partial image with the index %j', async (index) => {
    const odd = event('image_generation.partial_image', { ...image, partial_image_index: index })
    const { events } = await call(replyEvents(partial, odd, completed), stream)
    expect(events[2]).toMatchObject({ type: 'partialImage', index: 1 })
  })

  test('20: no partial images although they were asked for, and some although they were not', async () => {
    expect(typesOf(await call(replyEvents(completed), stream))).toEqual(whole)
    expect(typesOf(await call(replyEvents(partial, completed), { stream: true }))).toEqual(whole)
  })

  test('21: a server that wants partial images with every stream', async () => {
    await call(replyEvents(partial, completed), { stream: true }, { forcePartialImages: true })
    expect(JSON.parse(upstream.requests[0]?.body.toString() ?? '')).toMatchObject({
      stream: true,
      partial_images: 1,
    })
  })

  test.each([
    [1, 'image[]' as const, ['image']],
    [2, 'image[]' as const, ['image[]', 'image[]']],
    [2, 'image' as const, ['image', 'image']],
  ])('22: %i image(s) as a field that must be called %s', async (count, multiImageField, names) => {
    const images = Array.from({ length: count }, () => makeSource(pixel))
    await call(replyJson({ data: [image] }), { kind: 'EDIT', images }, { multiImageField })
    const form = upstream.requests[0]?.body.toString('latin1') ?? ''
    expect([...form.matchAll(/ name="(image[^"]*)"/g)].map(([, name]) => name)).toEqual(names)
  })

  test('23: a mask that must be called mask[]', async () => {
    const source = makeSource(pixel)
    await call(
      replyJson({ data: [image] }),
      { kind: 'EDIT', images: [source], mask: source },
      { maskField: 'mask[]' },
    )
    expect(upstream.requests[0]?.body.toString('latin1')).toContain('name="mask[]"; filename="mask.png"')
  })

  test('24: servers that refuse a file without its type', async () => {
    const images = [makeSource(pixel), makeSource(pixel, { mimeType: 'image/webp' })]
    await call(replyJson({ data: [image] }), { kind: 'EDIT', images })
    const form = upstream.requests[0]?.body.toString('latin1') ?? ''
    expect([...form.matchAll(/Content-Type: (.*)\r/g)].map(([, type]) => type)).toEqual([
      'image/png',
      'image/webp',
    ])
  })

  test.each([
    ['as asked' as const, undefined],
    ['always' as const, 'b64_json'],
    ['never' as const, undefined],
  ])('25: response_format %s', async (responseFormat, expected) => {
    await call(replyJson({ data: [image] }), {}, { responseFormat })
    expect(JSON.parse(upstream.requests[0]?.body.toString() ?? '').response_format).toBe(expected)
  })

  test.each([
    [1713833628, 1713833628],
    ['1713833628', 1713833628],
    [1713833628.9, 1713833628],
    [1713833628123, 1713833628],
    [0, 1795262400],
    [undefined, 1795262400],
    ['soon', 1795262400],
    [-5, 1795262400],
    [1e300, 1795262400],
  ])('26: created as %j', async (created, expected) => {
    const { events } = await call(replyJson({ created, data: [image] }))
    expect(factsOf(events).facts.created).toBe(expected)
  })

  test.each([502, 504, 520, 524])(
    '27: an HTML page with status %i, maybe after the image was made',
    async (status) => {
      const { error } = await call(
        reply('<html><h1>Bad gateway</h1></html>', { status, contentType: 'text/html' }),
      )
      expect(error).toMatchObject({ certainty: 'UNKNOWN', reason: 'UPSTREAM_UNAVAILABLE' })
    },
  )

  test.each(['text/plain', 'application/octet-stream', undefined])(
    '28: JSON and events under the type %j',
    async (contentType) => {
      const options = contentType ? { contentType } : {}
      expect(typesOf(await call(reply(`\ufeff \n${JSON.stringify({ data: [image] })}`, options)))).toEqual(
        whole,
      )
      expect(typesOf(await call(reply(`\ufeff${completed}`, options), stream))).toEqual(whole)
    },
  )

  test('29: interim responses', async () => {
    const body = JSON.stringify({ data: [image] })
    const script: Script = async ({ write, end }) => {
      for (let sent = 0; sent < 3; sent++) await write('HTTP/1.1 102 Processing\r\n\r\n')
      await write(`${writeHead({ contentType: 'application/json' })}${body}`)
      end()
    }
    expect(typesOf(await call(script))).toEqual(whole)
  })

  test.each([
    [500, 'Your request was rejected by the safety system.'],
    [502, JSON.stringify({ error: { message: 'rejected by the safety system' } })],
    [200, 'Your request was rejected by the safety system.'],
  ])('30: a refusal of content with status %i', async (status, body) => {
    const { error } = await call(reply(body, { status, contentType: 'text/plain' }))
    expect(error).toMatchObject({ certainty: 'FAILED', reason: 'CONTENT_REFUSED', retryable: false })
  })

  test('31: a filter that may think otherwise the next time: it is not asked again', async () => {
    const body = {
      error: { code: 'moderation_blocked', message: 'x', moderation_details: { moderation_stage: 'output' } },
    }
    const { error } = await call(replyJson(body, { status: 400 }))
    expect(error).toMatchObject({ certainty: 'FAILED', retryable: false })
    expect(upstream.requests).toHaveLength(1)
  })

  test('32: an error as JSON within a message', async () => {
    const inner = JSON.stringify({ error: { message: 'no', code: 'moderation_blocked' } })
    const { error } = await call(
      replyJson({ error: { message: `upstream said: ${inner}` } }, { status: 400 }),
    )
    expect(error).toMatchObject({ reason: 'CONTENT_REFUSED', upstreamCode: 'moderation_blocked' })
  })

  test('33: further fields, none of which goes on', async () => {
    const item = { ...image, id: 'x', embedding: [1], file_path: '/srv/secret', index: 7 }
    const { events } = await call(replyJson({ id: 'y', data: [item], file_path: '/srv/secret' }))
    expect(typesOf({ events } as never)).toEqual(whole)
    expect(JSON.stringify(events)).not.toContain('/srv/secret')
  })

  test('34: a wait of ten minutes, told in full', async () => {
    const { error } = await call(
      replyJson({ error: { message: 'x' } }, { status: 429, headers: { 'retry-after': '600' } }),
    )
    expect(error).toMatchObject({
      certainty: 'REFUSED',
      reason: 'RATE_LIMITED',
      retryAfterMs: 600_000,
      retryable: true,
    })
  })
})
