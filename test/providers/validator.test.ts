import { afterAll, describe, expect, test } from 'vitest'
import { formats } from '../../src/catalogue/choices.ts'
import type { RequestDraft } from '../../src/catalogue/image-request.ts'
import type { MaskFacts, SourceFacts } from '../../src/catalogue/source-facts.ts'
import { EaselError } from '../../src/errors.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import { makeRequest } from './call-kit.ts'

const providers = openProviders([
  { name: 'tokenops', preset: 'tokenops' },
  { name: 'apigo', preset: 'apigo' },
  { name: 'openai', preset: 'openai' },
  { name: 'sandbox', preset: 'sandbox', baseUrl: 'http://127.0.0.1:1' },
  { name: 'studio', preset: 'yandex-ai-studio', folderId: 'b1g', enable: ['edits', 'variations'] },
  { name: 'art', preset: 'yandex-art', folderId: 'b1g' },
  { name: 'weighted', preset: 'yandex-art', folderId: 'b1g', enable: ['messageWeights'] },
  {
    name: 'own',
    preset: 'openai-compatible',
    baseUrl: 'http://127.0.0.1:1',
    models: [
      'sd',
      { name: 'webp', capabilities: { EDIT: { mask: { mimeTypes: ['image/webp'], maxBytes: 1_000_000 } } } },
    ],
  },
])

afterAll(() => providers.close())

const MiB = 1024 * 1024
const png: SourceFacts = { mimeType: 'image/png', byteSize: 1000, width: 64, height: 64, hasAlpha: true }
const mask: MaskFacts = { ...png, coverage: 'MIXED' }

type Given = Partial<Omit<RequestDraft, 'kind'>>

function makeDraft(kind: RequestDraft['kind'], given: Given = {}): RequestDraft {
  const { images: _images, mask: _mask, ...parameters } = makeRequest()
  const base = { ...parameters, kind, waits: false }
  if (kind === 'GENERATE') return { ...base, ...given }
  return { ...base, images: [png], prompt: kind === 'EDIT' ? 'a red rose' : null, ...given }
}

/** `ok`, or what the caller is told. */
function judge(id: string, draft: RequestDraft): string {
  const model = providers.find(id)
  if (!model) throw new Error(`No model ${id}`)
  try {
    providers.validate(model, draft)
    return 'ok'
  } catch (error) {
    if (!(error instanceof EaselError)) throw error
    return `${error.code} ${error.details.field} ${error.details.reason}`
  }
}

const bad = (field: string, reason: string) => `BAD_USER_INPUT input.${field} ${reason}`
const unsupported = (field: string) => `UNSUPPORTED_BY_MODEL input.${field} PARAMETER_NOT_SUPPORTED`

const gpt = ['tokenops/gpt-image-1', 'apigo/gpt-image-1', 'sandbox/gpt-image-1']
const dallE = ['tokenops/dall-e-2', 'apigo/dall-e-2', 'sandbox/dall-e-2']
const studio = ['studio/aliceai-image-art-3.0']
const everybody = [...gpt, ...dallE, ...studio]

/** Which models, what is asked of their edits, and the answer. */
const edits: [models: string[], given: Given, answer: string][] = [
  [everybody, {}, 'ok'],
  [everybody, { prompt: null }, bad('prompt', 'PROMPT_MISSING')],
  [everybody, { prompt: ' \n' }, bad('prompt', 'PROMPT_EMPTY')],
  [everybody, { images: [] }, bad('image', 'IMAGE_COUNT')],
  // images
  [[...gpt, ...studio], { images: Array(16).fill(png) }, 'ok'],
  [[...gpt, ...studio], { images: Array(17).fill(png) }, bad('image', 'IMAGE_COUNT')],
  [dallE, { images: [png, png] }, bad('image', 'IMAGE_COUNT')],
  [
    [...gpt, ...studio],
    { images: [png, { ...png, mimeType: 'image/webp' }, { ...png, mimeType: 'image/jpeg' }] },
    'ok',
  ],
  [dallE, { images: [{ ...png, mimeType: 'image/jpeg' }] }, bad('image.0', 'IMAGE_TYPE_UNSUPPORTED')],
  [dallE, { images: [{ ...png, mimeType: 'image/webp' }] }, bad('image.0', 'IMAGE_TYPE_UNSUPPORTED')],
  [gpt, { images: [{ ...png, byteSize: 50 * MiB - 1 }] }, 'ok'],
  [gpt, { images: [png, { ...png, byteSize: 50 * MiB }] }, bad('image.1', 'IMAGE_TOO_LARGE')],
  [dallE, { images: [{ ...png, byteSize: 4 * MiB - 1 }] }, 'ok'],
  [dallE, { images: [{ ...png, byteSize: 4 * MiB }] }, bad('image.0', 'IMAGE_TOO_LARGE')],
  [[...gpt, ...studio], { images: [{ ...png, width: 65 }] }, 'ok'],
  [dallE, { images: [{ ...png, width: 65 }] }, bad('image.0', 'IMAGE_NOT_SQUARE')],
  [[...gpt, ...studio], { images: [{ ...png, hasAlpha: false }] }, 'ok'],
  [dallE, { images: [{ ...png, hasAlpha: false }] }, bad('image.0', 'IMAGE_WITHOUT_ALPHA')],
  [dallE, { images: [{ ...png, hasAlpha: false }], mask }, 'ok'],
  // prompt
  [gpt, { prompt: '🌹'.repeat(32_000) }, 'ok'],
  [gpt, { prompt: 'x'.repeat(32_001) }, bad('prompt', 'PROMPT_TOO_LONG')],
  [dallE, { prompt: '🌹'.repeat(1000) }, 'ok'],
  [dallE, { prompt: 'x'.repeat(1001) }, bad('prompt', 'PROMPT_TOO_LONG')],
  // mask
  [everybody, { mask }, 'ok'],
  [everybody, { mask: { ...mask, coverage: 'TRANSPARENT' } }, bad('mask', 'MASK_FULLY_TRANSPARENT')],
  [everybody, { mask: { ...mask, coverage: undefined } }, 'ok'],
  [everybody, { mask: { ...mask, coverage: 'OPAQUE' } }, bad('mask', 'MASK_FULLY_OPAQUE')],
  [everybody, { mask: { ...mask, hasAlpha: false } }, bad('mask', 'MASK_WITHOUT_ALPHA')],
  [everybody, { mask: { ...mask, mimeType: 'image/webp' } }, bad('mask', 'IMAGE_TYPE_UNSUPPORTED')],
  [['own/webp'], { mask: { ...mask, mimeType: 'image/webp' } }, 'ok'],
  [['own/webp'], { mask }, bad('mask', 'IMAGE_TYPE_UNSUPPORTED')],
  [everybody, { mask: { ...mask, byteSize: 4 * MiB } }, bad('mask', 'IMAGE_TOO_LARGE')],
  [everybody, { mask: { ...mask, width: 63 } }, bad('mask', 'MASK_DIMENSIONS')],
  // background
  [[...gpt, ...studio], { background: 'TRANSPARENT' }, 'ok'],
  [[...gpt, ...studio], { background: 'OPAQUE', outputFormat: 'JPEG' }, 'ok'],
  [[...gpt, ...studio], { background: 'AUTO' }, 'ok'],
  [[...gpt, ...studio], { background: 'TRANSPARENT', outputFormat: 'WEBP' }, 'ok'],
  [
    [...gpt, ...studio],
    { background: 'TRANSPARENT', outputFormat: 'JPEG' },
    bad('outputFormat', 'FORMAT_WITHOUT_TRANSPARENCY'),
  ],
  [dallE, { background: 'AUTO' }, unsupported('background')],
  // inputFidelity
  [[...gpt, ...studio], { inputFidelity: 'HIGH' }, 'ok'],
  [[...gpt, ...studio], { inputFidelity: 'LOW' }, 'ok'],
  [dallE, { inputFidelity: 'LOW' }, unsupported('inputFidelity')],
  // n
  [everybody, { n: 10 }, 'ok'],
  [everybody, { n: 0 }, bad('n', 'OUT_OF_RANGE')],
  [everybody, { n: 11 }, bad('n', 'OUT_OF_RANGE')],
  // size
  [everybody, { size: '1024x1024' }, 'ok'],
  [everybody, { size: 'auto' }, 'ok'],
  [[...gpt, ...studio], { size: '1536x1024' }, 'ok'],
  [[...gpt, ...studio], { size: '1024x1536' }, 'ok'],
  [[...gpt, ...studio], { size: '512x512' }, bad('size', 'SIZE_NOT_SUPPORTED')],
  [[...gpt, ...studio], { size: '256x256' }, bad('size', 'SIZE_NOT_SUPPORTED')],
  [dallE, { size: '256x256' }, 'ok'],
  [dallE, { size: '512x512' }, 'ok'],
  [dallE, { size: '1536x1024' }, bad('size', 'SIZE_NOT_SUPPORTED')],
  [everybody, { size: 'huge' }, bad('size', 'SIZE_NOT_SUPPORTED')],
  // quality
  ...(['AUTO', 'LOW', 'MEDIUM', 'HIGH'] as const).map((quality): [string[], Given, string] => [
    [...gpt, ...studio],
    { quality },
    'ok',
  ]),
  [gpt, { quality: 'STANDARD' }, bad('quality', 'VALUE_NOT_SUPPORTED')],
  [gpt, { quality: 'HD' }, bad('quality', 'VALUE_NOT_SUPPORTED')],
  [studio, { quality: 'STANDARD' }, 'ok'],
  [dallE, { quality: 'STANDARD' }, 'ok'],
  [dallE, { quality: 'AUTO' }, 'ok'],
  [dallE, { quality: 'HIGH' }, bad('quality', 'VALUE_NOT_SUPPORTED')],
  // outputFormat and outputCompression
  ...formats.map((outputFormat): [string[], Given, string] => [[...gpt, ...studio], { outputFormat }, 'ok']),
  [dallE, { outputFormat: 'PNG' }, unsupported('outputFormat')],
  [[...gpt, ...studio], { outputFormat: 'JPEG', outputCompression: 0 }, 'ok'],
  [[...gpt, ...studio], { outputFormat: 'WEBP', outputCompression: 100 }, 'ok'],
  [[...gpt, ...studio], { outputFormat: 'PNG', outputCompression: 100 }, 'ok'],
  [[...gpt, ...studio], { outputCompression: 50 }, bad('outputCompression', 'FORMAT_WITHOUT_COMPRESSION')],
  [
    [...gpt, ...studio],
    { outputFormat: 'JPEG', outputCompression: 101 },
    bad('outputCompression', 'OUT_OF_RANGE'),
  ],
  [
    [...gpt, ...studio],
    { outputFormat: 'JPEG', outputCompression: -1 },
    bad('outputCompression', 'OUT_OF_RANGE'),
  ],
  [dallE, { outputCompression: 100 }, unsupported('outputCompression')],
  // responseFormat
  [gpt, { responseFormat: 'URL' }, unsupported('responseFormat')],
  [gpt, { responseFormat: 'B64_JSON' }, unsupported('responseFormat')],
  [[...dallE, ...studio], { responseFormat: 'URL' }, 'ok'],
  [[...dallE, ...studio], { responseFormat: 'B64_JSON' }, 'ok'],
  // stream and partialImages
  [[...gpt, ...studio], { stream: true, partialImages: 3 }, 'ok'],
  [[...gpt, ...studio], { stream: true, partialImages: 4 }, bad('partialImages', 'OUT_OF_RANGE')],
  [
    [...gpt, ...studio],
    { waits: true, partialImages: 1 },
    bad('partialImages', 'PARTIAL_IMAGES_WITHOUT_STREAM'),
  ],
  [everybody, { waits: true, partialImages: 0 }, 'ok'],
  [dallE, { stream: true }, unsupported('stream')],
  [dallE, { partialImages: 1 }, unsupported('partialImages')],
  // what only Yandex's own API has
  [everybody, { seed: 1n }, unsupported('seed')],
  [everybody, { aspectRatio: { widthRatio: 1n, heightRatio: 1n } }, unsupported('aspectRatio')],
  [everybody, { mimeType: 'image/jpeg' }, unsupported('mimeType')],
  [everybody, { prompt: null, messages: [{ text: 'x', weight: null }] }, unsupported('messages')],
]

/** A row can name many images and a prompt of 32,000 characters. */
function describeGiven(given: Given): string {
  return JSON.stringify(given, (_, value) => (typeof value === 'bigint' ? String(value) : value)).slice(0, 90)
}

describe('the validator', () => {
  const cells = edits.flatMap(([ids, given, answer]) =>
    ids.map((id) => ({ id, given, answer, label: describeGiven(given) })),
  )

  test.each(cells)('says of an edit by $id with $label: $answer', ({ id, given, answer }) => {
    expect(judge(id, makeDraft('EDIT', given))).toBe(answer)
  })

  test.each([
    ['sandbox/dall-e-2', {}, 'ok'],
    ['sandbox/dall-e-2', { stream: true }, 'ok'],
    ['sandbox/dall-e-2', { images: [{ ...png, hasAlpha: false }] }, 'ok'],
    ['sandbox/dall-e-2', { images: [{ ...png, width: 65 }] }, bad('image', 'IMAGE_NOT_SQUARE')],
    [
      'sandbox/dall-e-2',
      { images: [{ ...png, mimeType: 'image/jpeg' as const }] },
      bad('image', 'IMAGE_TYPE_UNSUPPORTED'),
    ],
    ['sandbox/dall-e-2', { size: '512x512' }, 'ok'],
    ['sandbox/dall-e-2', { size: '1536x1024' }, bad('size', 'SIZE_NOT_SUPPORTED')],
    ['sandbox/dall-e-2', { quality: 'STANDARD' }, unsupported('quality')],
    ['sandbox/dall-e-2', { responseFormat: 'URL' }, 'ok'],
    ['studio/aliceai-image-art-3.0', { size: '1024x1024' }, 'ok'],
    ['studio/aliceai-image-art-3.0', { size: '512x512' }, bad('size', 'SIZE_NOT_SUPPORTED')],
    ['sandbox/gpt-image-1', {}, 'UNSUPPORTED_BY_MODEL input.model KIND_NOT_SUPPORTED'],
  ] as [string, Given, string][])('says of a variation by %s with %j: %s', (id, given, answer) => {
    expect(judge(id, makeDraft('VARIATION', given))).toBe(answer)
  })

  test.each([
    ['sandbox/dall-e-3', { size: '1792x1024', quality: 'HD' }, 'ok'],
    ['sandbox/dall-e-3', { n: 2 }, bad('n', 'OUT_OF_RANGE')],
    ['sandbox/dall-e-3', { prompt: 'x'.repeat(4001) }, bad('prompt', 'PROMPT_TOO_LONG')],
    ['sandbox/dall-e-3', { partialImages: 1 }, unsupported('partialImages')],
    ['sandbox/gpt-image-1', { partialImages: 3 }, 'ok'],
    ['sandbox/gpt-image-1', { inputFidelity: 'HIGH' }, unsupported('inputFidelity')],
    ['openai/gpt-image-2.5-flare', { quality: 'XHIGH' }, 'ok'],
    ['openai/gpt-image-2', { quality: 'XHIGH' }, bad('quality', 'VALUE_NOT_SUPPORTED')],
    [
      'art/yandex-art',
      { seed: 2n ** 63n - 1n, aspectRatio: { widthRatio: 2n, heightRatio: 1n }, mimeType: 'image/jpeg' },
      'ok',
    ],
    ['art/yandex-art', { seed: 2n ** 63n }, bad('seed', 'OUT_OF_RANGE')],
    ['art/yandex-art', { seed: -1n }, bad('seed', 'OUT_OF_RANGE')],
    [
      'art/yandex-art',
      { aspectRatio: { widthRatio: 0n, heightRatio: 1n } },
      bad('aspectRatio.widthRatio', 'OUT_OF_RANGE'),
    ],
    ['art/yandex-art', { mimeType: 'image/png' }, bad('mimeType', 'VALUE_NOT_SUPPORTED')],
    ['art/yandex-art', { size: '1536x1024' }, 'ok'],
    [
      'art/yandex-art',
      { size: '3x2', aspectRatio: { widthRatio: 3n, heightRatio: 2n } },
      bad('aspectRatio', 'SIZE_AND_RATIO'),
    ],
    ['art/yandex-art', { prompt: 'ж'.repeat(500) }, 'ok'],
    ['art/yandex-art', { prompt: 'ж'.repeat(501) }, bad('prompt', 'PROMPT_TOO_LONG')],
    ['art/yandex-art', { quality: 'HIGH' }, unsupported('quality')],
    ['art/yandex-art', { prompt: null, messages: [{ text: 'rose', weight: 1 }] }, 'ok'],
    [
      'art/yandex-art',
      { prompt: null, messages: [{ text: 'rose', weight: -1 }] },
      unsupported('messages.0.weight'),
    ],
    ['weighted/yandex-art', { prompt: null, messages: [{ text: 'rose', weight: -1 }] }, 'ok'],
    ['art/yandex-art', { prompt: null, messages: [] }, bad('messages', 'MESSAGE_COUNT')],
    [
      'art/yandex-art',
      { messages: [{ text: 'rose', weight: null }] },
      bad('messages', 'PROMPT_AND_MESSAGES'),
    ],
    ['studio/aliceai-image-art-3.0', { size: '1x1' }, 'ok'],
    ['studio/aliceai-image-art-3.0', { n: 2 }, bad('n', 'OUT_OF_RANGE')],
    ['studio/aliceai-image-art-3.0', { outputFormat: 'PNG' }, unsupported('outputFormat')],
    ['own/sd', { size: '640x448', quality: 'HD', n: 10 }, 'ok'],
  ] as [string, Given, string][])('says of a generation by %s with %o: %s', (id, given, answer) => {
    expect(judge(id, makeDraft('GENERATE', given))).toBe(answer)
  })

  test.each([
    ['1024x1024', 'ok'],
    ['3840x2160', 'ok'],
    ['1600x1200', 'ok'],
    ['1792x936', bad('size', 'SIZE_NOT_SUPPORTED')],
    ['3856x2160', bad('size', 'SIZE_NOT_SUPPORTED')],
    ['3072x1008', bad('size', 'SIZE_NOT_SUPPORTED')],
    ['800x800', bad('size', 'SIZE_NOT_SUPPORTED')],
    ['3840x3840', bad('size', 'SIZE_NOT_SUPPORTED')],
    ['01024x1024', bad('size', 'SIZE_NOT_SUPPORTED')],
    ['1024X1024', bad('size', 'SIZE_NOT_SUPPORTED')],
  ])('says of the size %s of gpt-image-2: %s', (size, answer) => {
    expect(judge('openai/gpt-image-2', makeDraft('GENERATE', { size }))).toBe(answer)
  })

  test.each(['gpt-image-1-mini', 'gpt-image-2', 'gpt-image-2.6-flare'])(
    'refuses inputFidelity for %s',
    (name) => {
      expect(judge(`openai/${name}`, makeDraft('EDIT', { inputFidelity: 'LOW' }))).toBe(
        unsupported('inputFidelity'),
      )
    },
  )

  test('checks the parameters while no image is known', () => {
    const { images: _, ...draft } = makeDraft('EDIT')
    expect(judge('sandbox/dall-e-2', draft)).toBe('ok')
    expect(judge('sandbox/dall-e-2', { ...draft, images: null })).toBe('ok')
    expect(judge('sandbox/dall-e-2', { ...draft, size: '1x1' })).toBe(bad('size', 'SIZE_NOT_SUPPORTED'))
  })

  test('checks the other parameters while no prompt is known', () => {
    expect(judge('sandbox/dall-e-2', makeDraft('GENERATE', { prompt: undefined }))).toBe('ok')
    expect(judge('sandbox/dall-e-2', makeDraft('GENERATE', { prompt: undefined, n: 11 }))).toBe(
      bad('n', 'OUT_OF_RANGE'),
    )
  })

  test('tells what it would take and what it got, but never the prompt', () => {
    const model = providers.find('sandbox/dall-e-2')
    if (!model) throw new Error('no model')
    const tellOf = (given: Given) => {
      try {
        providers.validate(model, makeDraft('EDIT', given))
      } catch (error) {
        return error as EaselError
      }
      throw new Error('It was accepted')
    }
    expect(tellOf({ size: '1536x1024' }).details).toMatchObject({
      allowed: ['auto', '256x256', '512x512', '1024x1024'],
      actual: '1536x1024',
      hint: 'CHOOSE_SIZE',
    })
    expect(tellOf({ n: 12 }).details).toMatchObject({ allowed: { min: 1, max: 10 }, actual: 12 })
    const long = tellOf({ prompt: 'secret rose '.repeat(100) })
    expect(long.details).toMatchObject({ allowed: { min: 1, max: 1000 }, actual: 1200 })
    expect(JSON.stringify([long.message, long.details])).not.toContain('secret')
    expect(tellOf({ images: [{ ...png, width: 65 }] }).details).toMatchObject({
      actual: '65x64',
      hint: 'CROP_TO_SQUARE',
    })
  })
})
