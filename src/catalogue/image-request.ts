import type { Readable } from 'node:stream'
import type { OperationKind } from './operation-kind.ts'
import type { MaskFacts, SourceFacts } from './source-facts.ts'

export type { OperationKind } from './operation-kind.ts'

export interface SourceImage extends SourceFacts {
  /** A fresh stream of exactly `byteSize` bytes. */
  open(): Promise<Readable>
}

/** Everything a request says apart from its images. Choices carry their GraphQL names; dialects lower-case them. */
export interface RequestParameters {
  kind: OperationKind
  prompt: string | null
  messages: { text: string; weight: number | null }[] | null
  n: number
  /** `auto` or `WIDTHxHEIGHT`. */
  size: string | null
  quality: string | null
  background: string | null
  inputFidelity: string | null
  outputFormat: string | null
  outputCompression: number | null
  responseFormat: string | null
  partialImages: number
  /** The upstream is asked for a stream of events. For a variation it only says whether the caller waits. */
  stream: boolean
  seed: bigint | null
  aspectRatio: { widthRatio: bigint; heightRatio: bigint } | null
  mimeType: string | null
}

export interface ImageRequest extends RequestParameters {
  /** The model's name at the provider. */
  model: string
  images: SourceImage[]
  mask: SourceImage | null
  /** A pseudonym, never the caller's own name. */
  endUser: string | null
}

/** A request before it is accepted. A prompt or images that are missing are not known yet: their rules wait. */
export interface RequestDraft extends Omit<RequestParameters, 'prompt'> {
  prompt?: string | null
  /** The mutation answers only when the operation is done, so nobody could watch partial images. */
  waits: boolean
  images?: readonly SourceFacts[] | null
  mask?: MaskFacts | null
}
