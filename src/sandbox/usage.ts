import type { SandboxModel } from './models.ts'
import type { Size } from './size.ts'

/** Usage as it goes over the wire. */
export interface Usage {
  input_tokens: number
  output_tokens: number
  total_tokens: number
  input_tokens_details: { text_tokens: number; image_tokens: number }
  output_tokens_details?: { image_tokens: number; text_tokens: number }
}

export interface UsageRequest {
  model: SandboxModel
  prompt: string
  inputs: readonly Size[]
  highFidelity: boolean
  size: Size
  quality: string
  images: number
  partialImages: number
}

const tokensPerPartial = 100

/** OpenAI's image generation guide: square, portrait, landscape. */
const outputTokens: Record<string, readonly [number, number, number]> = {
  low: [272, 408, 400],
  medium: [1056, 1584, 1568],
  high: [4160, 6240, 6208],
}

/** gpt-image-2 spends a grid whose longer side has this many cells. */
const gridEdges: Record<string, number> = { low: 16, medium: 48, high: 96 }

/** Tokens of a whole request, or null for models that are billed by the image. */
export function countUsage(request: UsageRequest): Usage | null {
  if (request.model.family !== 'gpt') return null
  const text = Math.ceil(Buffer.byteLength(request.prompt) / 4)
  const image = request.inputs.reduce((sum, size) => sum + countInputTokens(size, request.highFidelity), 0)
  const perImage = countOutputTokens(request) + request.partialImages * tokensPerPartial
  return makeUsage(text, image, perImage * request.images)
}

export function makeUsage(text: number, image: number, output: number): Usage {
  return {
    input_tokens: text + image,
    output_tokens: output,
    total_tokens: text + image + output,
    input_tokens_details: { text_tokens: text, image_tokens: image },
    output_tokens_details: { image_tokens: output, text_tokens: 0 },
  }
}

/** 65 and 129 for each 512-pixel tile once the shortest side is 512; high fidelity adds a flat amount. */
export function countInputTokens({ width, height }: Size, highFidelity: boolean): number {
  const scale = 512 / Math.min(width, height)
  const tiles = Math.ceil((width * scale) / 512) * Math.ceil((height * scale) / 512)
  const extra = width === height ? 4160 : 6240
  return 65 + 129 * tiles + (highFidelity ? extra : 0)
}

function countOutputTokens({ model, size, quality }: UsageRequest): number {
  if (model.sizes === 'free') return countGridTokens(size, quality)
  const [square, portrait, landscape] = outputTokens[quality] ?? [0, 0, 0]
  if (size.width === size.height) return square
  return size.width < size.height ? portrait : landscape
}

/**
 * Reproduces every published gpt-image-2 price at $30 per million: 196, 1756, 7024 tokens for 1024x1024 and
 * 158, 1372, 5488 for 1024x1536 are $0.006, $0.053, $0.211 and $0.005, $0.041, $0.165.
 */
function countGridTokens({ width, height }: Size, quality: string): number {
  const long = gridEdges[quality] ?? 0
  const short = Math.round((long * Math.min(width, height)) / Math.max(width, height))
  return Math.ceil((long * short * (2_000_000 + width * height)) / 4_000_000)
}

/**
 * What the `completed` event of one image carries. Nothing official says how several images share the input:
 * here the first carries it, so that the events add up to the usage of the same request without a stream.
 */
export function usageOfImage(total: Usage, index: number, images: number): Usage {
  const { text_tokens, image_tokens } = total.input_tokens_details
  const output = total.output_tokens / images
  const usage = index === 0 ? makeUsage(text_tokens, image_tokens, output) : makeUsage(0, 0, output)
  delete usage.output_tokens_details
  return usage
}
