import type { Capabilities } from '../../../catalogue/capabilities.ts'
import type { ImageModel } from '../../../catalogue/image-model.ts'
import type { ImageRequest, SourceImage } from '../../../catalogue/image-request.ts'
import type { OperationKind } from '../../../catalogue/operation-kind.ts'
import { toWireSize } from '../../../catalogue/wire-size.ts'
import type { WireOptions } from '../../exchanges/exchange.ts'
import { singleReply } from '../../exchanges/single-reply.ts'
import { addressBelow } from '../../transport/address-below.ts'
import { createJsonBody } from '../../transport/json-body.ts'
import { createMultipartBody, type FormPart } from '../../transport/multipart-body.ts'
import type { Dialect } from '../dialect.ts'
import { sortOpenAiFailure } from './openai-failures.ts'
import { dallE2, dallE3, gptImage1, gptImage1Mini, gptImage2 } from './openai-models.ts'
import { readOpenAiReply } from './openai-reply.ts'
import { withoutTags } from './prompt-tags.ts'

const paths: Record<OperationKind, string> = {
  GENERATE: 'images/generations',
  EDIT: 'images/edits',
  VARIATION: 'images/variations',
}

const picture = [
  'size',
  'autoSize',
  'quality',
  'autoQuality',
  'background',
  'inputFidelity',
  'outputFormat',
  'outputCompression',
  'responseFormat',
  'streaming',
  'endUser',
] as const

/** The Images API of OpenAI and of servers that copy it. A variation here always uses the native endpoint. */
export const openAi: Dialect = {
  name: 'openai',
  exchange: singleReply({
    describe: (model, request, wire) => ({
      method: 'POST',
      url: addressBelow(wire.baseUrl, paths[request.kind]),
      // The official clients say JSON even when they ask for a stream: the body decides.
      headers: { accept: 'application/json' },
      body: createBody(model, request, wire),
    }),
    read: readOpenAiReply,
  }),
  sends: {
    byKind: {
      GENERATE: new Set(['prompt', 'moderation', 'seed', 'aspectRatio', ...picture]),
      EDIT: new Set(['prompt', 'moderation', 'images', 'mask', ...picture]),
      VARIATION: new Set(['images', 'mask', ...picture]),
    },
    sizeWords: true,
    // It goes out as a number of JSON.
    largestSeed: BigInt(Number.MAX_SAFE_INTEGER),
  },
  sortFailure: sortOpenAiFailure,
  // OpenAI's have none, those of OpenRouter and of xAI do.
  bill: 'as asked',
  sandbox: { path: '/v1', models: [gptImage1, gptImage2, dallE2, dallE3, gptImage1Mini] },
}

function createBody(model: ImageModel, request: ImageRequest, wire: WireOptions) {
  const fields = listFields(model, request, wire)
  if (request.kind === 'GENERATE') return createJsonBody(Object.fromEntries(fields))
  const texts: FormPart[] = fields.map(([name, value]) => ({ name, value: String(value) }))
  return createMultipartBody([...listFiles(request, wire), ...texts])
}

type Field = [name: string, value: string | number | boolean]

/**
 * Only the given parameters are sent: upstreams refuse an unknown or unsupported one with 400, whatever its value, and
 * they change their defaults. The model is always named.
 */
function listFields(model: ImageModel, request: ImageRequest, wire: WireOptions): Field[] {
  const capabilities = model.capabilities[request.kind]
  if (!capabilities) throw new Error(`${model.id} does not serve ${request.kind}`)
  const fields: [string, Field[1] | null][] = [
    ['model', model.upstreamName],
    ['prompt', request.kind === 'VARIATION' ? null : readPrompt(request, wire)],
    ['n', request.n > 1 ? request.n : null],
    ['size', toWireSize(request.size, capabilities)],
    ['aspect_ratio', capabilities.aspectRatio && toWireRatio(request)],
    ['seed', capabilities.seed && request.seed !== null ? Number(request.seed) : null],
    ['quality', capabilities.quality && toWireQuality(request.quality, capabilities)],
    ['background', capabilities.background && lower(request.background)],
    ['input_fidelity', capabilities.inputFidelity && lower(request.inputFidelity)],
    ['moderation', toWireModeration(request, capabilities)],
    ['output_format', capabilities.outputFormat && lower(request.outputFormat)],
    ['output_compression', toWireCompression(request, capabilities)],
    ['response_format', toWireResponseFormat(request, capabilities, wire)],
    ...listStreamFields(request, capabilities, wire),
    ['user', capabilities.endUser ? request.endUser : null],
  ]
  return fields.filter((field): field is Field => field[1] !== null)
}

function readPrompt({ prompt }: ImageRequest, { allowPromptTags }: WireOptions): string {
  const text = prompt ?? ''
  return allowPromptTags ? text : withoutTags(text)
}

/** As xAI, OpenRouter and other servers take it. OpenAI has sizes alone. */
function toWireRatio({ aspectRatio }: ImageRequest): string | null {
  return aspectRatio && `${aspectRatio.widthRatio}:${aspectRatio.heightRatio}`
}

function toWireModeration({ moderation: asked }: ImageRequest, { moderation }: Capabilities): string | null {
  return moderation && lower(asked ?? moderation.default)
}

function toWireQuality(quality: string | null, { autoQuality }: Capabilities): string | null {
  return quality === 'AUTO' && !autoQuality ? null : lower(quality)
}

/** PNG has no compression to choose; the default of 100 is accepted with it and means nothing. */
function toWireCompression(request: ImageRequest, { outputCompression }: Capabilities): number | null {
  const isLossy = request.outputFormat === 'JPEG' || request.outputFormat === 'WEBP'
  return outputCompression && isLossy ? request.outputCompression : null
}

function toWireResponseFormat(
  request: ImageRequest,
  capabilities: Capabilities,
  wire: WireOptions,
): string | null {
  if (wire.responseFormat === 'never') return null
  if (wire.responseFormat === 'always') return 'b64_json'
  return capabilities.responseFormat && lower(request.responseFormat)
}

function listStreamFields(
  request: ImageRequest,
  capabilities: Capabilities,
  wire: WireOptions,
): [string, Field[1] | null][] {
  if (!request.stream || !capabilities.streaming) return []
  const partialImages = wire.forcePartialImages ? Math.max(1, request.partialImages) : request.partialImages
  return [
    ['stream', true],
    ['partial_images', partialImages > 0 ? partialImages : null],
  ]
}

/** One image is a scalar, several are an array; never two parts with the scalar's name at OpenAI (openai-ruby#311). */
function listFiles({ images, mask }: ImageRequest, { multiImageField, maskField }: WireOptions): FormPart[] {
  const name = images.length === 1 ? 'image' : multiImageField
  const files = images.map((image, index) => toFile(name, `image-${index + 1}`, image))
  return mask ? [...files, toFile(maskField, 'mask', mask)] : files
}

const suffixes = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp' } as const

function toFile(name: string, stem: string, image: SourceImage): FormPart {
  return { name, filename: `${stem}.${suffixes[image.mimeType]}`, image }
}

function lower(value: string | null): string | null {
  return value === null ? null : value.toLowerCase()
}
