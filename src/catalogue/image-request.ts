import type { Readable } from 'node:stream'
import type { RequestParameters } from './request-parameters.ts'
import type { MaskFacts, SourceFacts } from './source-facts.ts'

export interface SourceImage extends SourceFacts {
  /** A fresh stream of exactly `byteSize` bytes. */
  open(): Promise<Readable>
}

export interface ImageRequest extends RequestParameters {
  /** The model's name at the provider. */
  model: string
  images: SourceImage[]
  mask: SourceImage | null
  /** A pseudonym, never the caller's own name. */
  endUser: string | null
}

/** A request before it is accepted. Rules for a prompt or images apply only once they are known. */
export interface RequestDraft extends Omit<RequestParameters, 'prompt'> {
  prompt?: string | null
  /** The mutation answers only when the operation has ended, so a client could not follow partial images. */
  waits: boolean
  images?: readonly SourceFacts[] | null
  mask?: MaskFacts | null
}
