import type { JobRequest } from './jobs.ts'
import { StatusError, statusCodes } from './yandex-status.ts'

export interface ArtRequest extends JobRequest {
  /** Decimal; "0" where none was sent. The real service draws a random one then, the sandbox does not. */
  seed: string
  /** Width by height. */
  ratio: number
}

const maxPromptLength = 500
const maxSeed = 2n ** 63n - 1n

export function readArtRequest(body: unknown): ArtRequest {
  const { modelUri, messages, generationOptions, ...rest } = readObject(body, 'body')
  refuseUnknown(rest, '')
  const { mimeType, seed, aspectRatio, ...moreOptions } = readObject(
    generationOptions ?? {},
    'generationOptions',
  )
  refuseUnknown(moreOptions, 'generation_options.')
  if (mimeType !== undefined && mimeType !== '' && mimeType !== 'image/jpeg') {
    throw refuse(`generation_options.mime_type: unsupported value, expected "image/jpeg"`)
  }
  const { widthRatio, heightRatio, ...moreRatio } = readObject(aspectRatio ?? {}, 'aspectRatio')
  refuseUnknown(moreRatio, 'generation_options.aspect_ratio.')
  const [width, height] = [readRatio(widthRatio, 'width_ratio'), readRatio(heightRatio, 'height_ratio')]
  return {
    kind: 'generation',
    model: readModel(modelUri),
    prompt: readPrompt(messages),
    seed: String(readInt64(seed ?? 0, 'seed')),
    ratio: width / height,
  }
}

function readModel(modelUri: unknown): string {
  const match = typeof modelUri === 'string' ? /^art:\/\/[^/]+\/([^/]+)(?:\/[^/]+)?$/.exec(modelUri) : null
  if (!match?.[1]) throw refuse('model_uri: expected art://<folder_id>/<model>/<version>')
  return match[1]
}

function readPrompt(messages: unknown): string {
  if (!Array.isArray(messages) || messages.length === 0)
    throw refuse('messages: Number of elements must be positive')
  const texts = messages.map((message) => {
    const { text, weight, ...rest } = readObject(message, 'messages')
    refuseUnknown(rest, 'messages.')
    if (typeof text !== 'string' || text.trim() === '') throw refuse('messages.text: Field is required')
    if (weight !== undefined && !Number.isFinite(Number(weight)))
      throw refuse('messages.weight: expected a number')
    return text
  })
  const prompt = texts.join('\n')
  const length = [...prompt].length
  if (length > maxPromptLength)
    throw refuse(`Prompt is too long: ${length} characters, at most ${maxPromptLength}`)
  return prompt
}

function readRatio(value: unknown, name: string): number {
  const ratio = Number(readInt64(value ?? 1, name))
  if (ratio < 1) throw refuse(`generation_options.aspect_ratio.${name}: must be positive`)
  return ratio
}

/** The JSON mapping of int64 takes strings and numbers; a number beyond 2^53 has already lost its digits. */
function readInt64(value: unknown, name: string): bigint {
  const isNumber = typeof value === 'number' && Number.isSafeInteger(value)
  const isText = typeof value === 'string' && /^-?\d{1,19}$/.test(value)
  if (!isNumber && !isText) throw refuse(`${name}: invalid int64`)
  const integer = BigInt(value as number | string)
  if (integer < 0n || integer > maxSeed)
    throw refuse(`${name}: Value must be in the range of 0 to ${maxSeed}`)
  return integer
}

function readObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(`${name}: expected an object`)
  return value as Record<string, unknown>
}

function refuseUnknown(rest: Record<string, unknown>, prefix: string): void {
  const [name] = Object.keys(rest)
  if (name !== undefined) throw refuse(`unknown field: ${prefix}${name}`)
}

function refuse(message: string): StatusError {
  return new StatusError(statusCodes.INVALID_ARGUMENT, message)
}
