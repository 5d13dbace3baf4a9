import type { RequestParameters } from '../catalogue/image-request.ts'
import type { OperationKind } from '../catalogue/operation-kind.ts'

/**
 * What a mutation asked for, after coercion: the values of the GraphQL input with every default filled in and the
 * files left out. It is kept with the operation as JSON, so whole numbers beyond 2^53 are strings.
 */
export interface OperationInput {
  prompt: string | null
  messages: { text: string; weight: number | null }[] | null
  model: string | null
  n: number
  size: string | null
  quality: string | null
  background: string | null
  inputFidelity: string | null
  outputFormat: string | null
  outputCompression: number | null
  responseFormat: string | null
  partialImages: number
  stream: boolean
  seed: string | null
  aspectRatio: { widthRatio: string; heightRatio: string } | null
  mimeType: string | null
  user: string | null
}

/** The parameters of an upstream request, still without its images. */
export function toRequestParameters(kind: OperationKind, input: OperationInput): RequestParameters {
  return {
    kind,
    prompt: input.prompt,
    messages: input.messages,
    n: input.n,
    size: input.size,
    quality: input.quality,
    background: input.background,
    inputFidelity: input.inputFidelity,
    outputFormat: input.outputFormat,
    outputCompression: input.outputCompression,
    responseFormat: input.responseFormat,
    partialImages: input.partialImages,
    // A variation has no upstream stream: there `stream` only says whether the mutation waits.
    stream: kind === 'VARIATION' ? false : input.stream || input.partialImages > 0,
    seed: input.seed === null ? null : BigInt(input.seed),
    aspectRatio: input.aspectRatio && {
      widthRatio: BigInt(input.aspectRatio.widthRatio),
      heightRatio: BigInt(input.aspectRatio.heightRatio),
    },
    mimeType: input.mimeType,
  }
}
