import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ImageRequest } from '../../src/catalogue/image-request.ts'
import type { ProviderOptions } from '../../src/providers/providers.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { makeRequest, makeSource, pixel, pixelBase64, record } from './call-kit.ts'

let upstream: ScriptedUpstream

beforeEach(async () => {
  upstream = await startScriptedUpstream()
  upstream.script(replyJson({ data: [{ b64_json: pixelBase64 }] }))
})

afterEach(() => upstream.close())

/** What goes over the wire, with what differs from run to run named. Bytes of images are left out. */
async function recordWire(
  provider: Omit<ProviderOptions, 'name'>,
  model: string,
  request: Partial<ImageRequest>,
) {
  const providers = openProviders([{ name: 'up', baseUrl: `${upstream.url}/v1`, ...provider }])
  const recorded = await record(providers, `up/${model}`, makeRequest(request))
  await providers.close()
  const [sent] = upstream.requests
  if (!sent) throw recorded.error
  const boundary = /boundary=(.*)$/.exec(sent.headers['content-type'] ?? '')?.[1]
  const body = sent.body.toString('latin1').replaceAll(pixel.toString('latin1'), '<pixel>')
  const text = `${sent.head}\n\n${Buffer.from(body, 'latin1').toString()}`
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(boundary ?? '<none>', '<boundary>')
    .replaceAll(String(upstream.port), '<port>')
}

const source = makeSource(pixel)
const edit: Partial<ImageRequest> = { kind: 'EDIT', prompt: 'a red rose', images: [source] }

describe('what goes over the wire', () => {
  test('to OpenAI for a generation', async () => {
    const request: Partial<ImageRequest> = {
      prompt: 'rose\r\n"x" 🌹 \u0000',
      n: 2,
      size: '2048x1152',
      quality: 'HIGH',
      background: 'OPAQUE',
      outputFormat: 'JPEG',
      outputCompression: 80,
      stream: true,
      partialImages: 2,
      endUser: 'u-1',
    }
    const options = { preset: 'openai', apiKey: 'sk-1', organization: 'org-1', project: 'proj-1' } as const
    expect(await recordWire(options, 'gpt-image-2', request)).toMatchInlineSnapshot(`
      "POST /v1/images/generations HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      authorization: Bearer sk-1
      openai-organization: org-1
      openai-project: proj-1
      content-type: application/json
      content-length: 217

      {"model":"gpt-image-2","prompt":"rose\\r\\n\\"x\\" 🌹 \\u0000","n":2,"size":"2048x1152","quality":"high","background":"opaque","output_format":"jpeg","output_compression":80,"stream":true,"partial_images":2,"user":"u-1"}"
    `)
  })

  test('to OpenAI for an edit of several images with a mask', async () => {
    const jpeg = makeSource(pixel, { mimeType: 'image/jpeg' })
    const webp = makeSource(pixel, { mimeType: 'image/webp' })
    const request: Partial<ImageRequest> = {
      ...edit,
      images: [source, jpeg, webp],
      mask: source,
      inputFidelity: 'HIGH',
      size: 'auto',
    }
    expect(
      await recordWire({ preset: 'openai', apiKey: 'sk-1' }, 'gpt-image-1', request),
    ).toMatchInlineSnapshot(`
      "POST /v1/images/edits HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      authorization: Bearer sk-1
      content-type: multipart/form-data; boundary=<boundary>
      content-length: 1219

      --<boundary>
      Content-Disposition: form-data; name="image[]"; filename="image-1.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="image[]"; filename="image-2.jpg"
      Content-Type: image/jpeg

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="image[]"; filename="image-3.webp"
      Content-Type: image/webp

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="mask"; filename="mask.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="model"

      gpt-image-1
      --<boundary>
      Content-Disposition: form-data; name="prompt"

      a red rose
      --<boundary>
      Content-Disposition: form-data; name="size"

      auto
      --<boundary>
      Content-Disposition: form-data; name="input_fidelity"

      high
      --<boundary>--
      "
    `)
  })

  test('to OpenAI for a variation', async () => {
    const request: Partial<ImageRequest> = {
      kind: 'VARIATION',
      prompt: null,
      images: [source],
      n: 2,
      size: '256x256',
      responseFormat: 'B64_JSON',
      stream: true,
    }
    expect(
      await recordWire({ preset: 'openai', apiKey: 'sk-1' }, 'dall-e-2', request),
    ).toMatchInlineSnapshot(`
      "POST /v1/images/variations HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      authorization: Bearer sk-1
      content-type: multipart/form-data; boundary=<boundary>
      content-length: 602

      --<boundary>
      Content-Disposition: form-data; name="image"; filename="image-1.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="model"

      dall-e-2
      --<boundary>
      Content-Disposition: form-data; name="n"

      2
      --<boundary>
      Content-Disposition: form-data; name="size"

      256x256
      --<boundary>
      Content-Disposition: form-data; name="response_format"

      b64_json
      --<boundary>--
      "
    `)
  })

  test('to TokenOps', async () => {
    const request: Partial<ImageRequest> = {
      ...edit,
      background: 'TRANSPARENT',
      outputFormat: 'WEBP',
      outputCompression: 100,
      quality: 'AUTO',
    }
    expect(
      await recordWire({ preset: 'tokenops', apiKey: 'k' }, 'gpt-image-1', request),
    ).toMatchInlineSnapshot(`
      "POST /v1/images/edits HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      authorization: Bearer k
      content-type: multipart/form-data; boundary=<boundary>
      content-length: 813

      --<boundary>
      Content-Disposition: form-data; name="image"; filename="image-1.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="model"

      gpt-image-1
      --<boundary>
      Content-Disposition: form-data; name="prompt"

      a red rose
      --<boundary>
      Content-Disposition: form-data; name="quality"

      auto
      --<boundary>
      Content-Disposition: form-data; name="background"

      transparent
      --<boundary>
      Content-Disposition: form-data; name="output_format"

      webp
      --<boundary>
      Content-Disposition: form-data; name="output_compression"

      100
      --<boundary>--
      "
    `)
  })

  test('to APIGO, with several images under one name', async () => {
    const request = { ...edit, images: [source, source], size: '1536x1024' }
    const options = { preset: 'apigo', apiKey: 'k', multiImageField: 'image' } as const
    expect(await recordWire(options, 'gpt-image-1', request)).toMatchInlineSnapshot(`
      "POST /v1/images/edits HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      authorization: Bearer k
      content-type: multipart/form-data; boundary=<boundary>
      content-length: 720

      --<boundary>
      Content-Disposition: form-data; name="image"; filename="image-1.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="image"; filename="image-2.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="model"

      gpt-image-1
      --<boundary>
      Content-Disposition: form-data; name="prompt"

      a red rose
      --<boundary>
      Content-Disposition: form-data; name="size"

      1536x1024
      --<boundary>--
      "
    `)
  })

  test('to Yandex AI Studio for a generation: the size is a ratio, and nothing else is said', async () => {
    const options = { preset: 'yandex-ai-studio', apiKey: 'AQVN1', folderId: 'b1gfolder' } as const
    const wire = await recordWire(options, 'aliceai-image-art-3.0', { size: '1792x1024', endUser: 'u-1' })
    expect(wire).toMatchInlineSnapshot(`
      "POST /v1/images/generations HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      authorization: Api-Key AQVN1
      openai-project: b1gfolder
      content-type: application/json
      content-length: 101

      {"model":"art://b1gfolder/aliceai-image-art-3.0","prompt":"a red rose on a white table","size":"7x4"}"
    `)
  })

  test('to Yandex AI Studio for an edit, once it is enabled', async () => {
    const options = {
      preset: 'yandex-ai-studio',
      iamToken: 't1.x',
      folderId: 'b1gfolder',
      enable: ['edits'],
    } as const
    const request: Partial<ImageRequest> = {
      ...edit,
      size: 'auto',
      quality: 'STANDARD',
      responseFormat: 'B64_JSON',
      stream: true,
      partialImages: 1,
    }
    expect(await recordWire(options, 'aliceai-image-art-3.0', request)).toMatchInlineSnapshot(`
      "POST /v1/images/edits HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      authorization: Bearer t1.x
      openai-project: b1gfolder
      content-type: multipart/form-data; boundary=<boundary>
      content-length: 832

      --<boundary>
      Content-Disposition: form-data; name="image"; filename="image-1.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="model"

      art://b1gfolder/aliceai-image-art-3.0
      --<boundary>
      Content-Disposition: form-data; name="prompt"

      a red rose
      --<boundary>
      Content-Disposition: form-data; name="quality"

      standard
      --<boundary>
      Content-Disposition: form-data; name="response_format"

      b64_json
      --<boundary>
      Content-Disposition: form-data; name="stream"

      true
      --<boundary>
      Content-Disposition: form-data; name="partial_images"

      1
      --<boundary>--
      "
    `)
  })

  test('to LocalAI: base64 is always asked for', async () => {
    const options = { preset: 'localai', models: ['flux'] } as const
    expect(await recordWire(options, 'flux', { size: '512x512', endUser: 'u-1' })).toMatchInlineSnapshot(`
      "POST /v1/images/generations HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      content-type: application/json
      content-length: 101

      {"model":"flux","prompt":"a red rose on a white table","size":"512x512","response_format":"b64_json"}"
    `)
  })

  test.each<[Partial<ImageRequest>, object]>([
    [
      { seed: 42n, aspectRatio: { widthRatio: 16n, heightRatio: 9n } },
      { seed: 42, aspect_ratio: '16:9' },
    ],
    [
      { seed: 0n, size: '2K' },
      { seed: 0, size: '2K' },
    ],
    [{}, {}],
  ])('to a server whose model takes a seed, a ratio and words for sizes, case %#', async (request, sent) => {
    const rules = {
      seed: { min: 0n, max: 4_294_967_295n },
      aspectRatio: { max: 100n },
      size: { type: 'list' as const, values: ['1K', '2K'] },
    }
    const models = [{ name: 'seedy', capabilities: { GENERATE: rules } }]
    const recorded = await recordWire({ preset: 'openai-compatible', models }, 'seedy', {
      prompt: 'a rose',
      ...request,
    })
    const body = JSON.parse(recorded.split('\n').at(-1) ?? '')
    expect(body).toEqual({ model: 'seedy', prompt: 'a rose', ...sent })
  })

  test.each<[asked: ImageRequest['moderation'], usual: string | null, sent: object]>([
    ['AUTO', 'LOW', { moderation: 'auto' }],
    [null, 'LOW', { moderation: 'low' }],
    ['LOW', null, { moderation: 'low' }],
    [null, null, {}],
  ])(
    'with the moderation asked for, or else the default of the model: %s, %s',
    async (asked, usual, sent) => {
      const moderation = { values: ['AUTO', 'LOW'], default: usual }
      const models = [{ name: 'gpt-image-2', capabilities: { GENERATE: { moderation } } }]
      const request = { prompt: 'a rose', moderation: asked }
      const recorded = await recordWire({ preset: 'openai', apiKey: 'k', models }, 'gpt-image-2', request)
      const body = JSON.parse(recorded.split('\n').at(-1) ?? '')
      expect(body).toEqual({ model: 'gpt-image-2', prompt: 'a rose', ...sent })
    },
  )

  test('to any other server, without the words it would take for commands', async () => {
    const options = {
      preset: 'openai-compatible',
      models: ['sd'],
      forcePartialImages: true,
      maskField: 'mask[]',
    } as const
    const prompt = 'a <sd_cpp_extra_args>{"steps":999}</sd_cpp_extra_args> rose'
    const request: Partial<ImageRequest> = {
      ...edit,
      prompt,
      mask: source,
      stream: true,
      size: 'auto',
      quality: 'AUTO',
    }
    expect(await recordWire(options, 'sd', request)).toMatchInlineSnapshot(`
      "POST /v1/images/edits HTTP/1.1
      host: 127.0.0.1:<port>
      connection: close
      accept-encoding: identity
      user-agent: easel
      accept: application/json
      x-client-request-id: attempt-1
      content-type: multipart/form-data; boundary=<boundary>
      content-length: 810

      --<boundary>
      Content-Disposition: form-data; name="image"; filename="image-1.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="mask[]"; filename="mask.png"
      Content-Type: image/png

      <pixel>
      --<boundary>
      Content-Disposition: form-data; name="model"

      sd
      --<boundary>
      Content-Disposition: form-data; name="prompt"

      a {"steps":999} rose
      --<boundary>
      Content-Disposition: form-data; name="stream"

      true
      --<boundary>
      Content-Disposition: form-data; name="partial_images"

      1
      --<boundary>--
      "
    `)
  })

  test('in a prompt arrives as it was given, whatever it holds', async () => {
    const providers = openProviders([{ name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1` }])
    const prompts = [
      'a\r\nb',
      '--easel-\r\nContent-Disposition: form-data; name="model"\r\n\r\nx',
      '\u0000',
      '"\\%22',
      '🌹',
    ]
    for (const prompt of prompts) {
      upstream.requests.length = 0
      await record(providers, 'up/gpt-image-2', makeRequest({ ...edit, prompt }))
      const [sent] = upstream.requests
      const boundary = /boundary=(.*)$/.exec(sent?.headers['content-type'] ?? '')?.[1] ?? ''
      const parts = sent?.body.toString().split(`--${boundary}`) ?? []
      expect(parts).toHaveLength(5)
      expect(parts[3]).toBe(`\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n${prompt}\r\n`)
    }
    await providers.close()
  })
})
