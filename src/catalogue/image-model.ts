import type { OperationKind } from './image-request.ts'
import type { ModelParameter } from './model-parameters.ts'
import type { Pricing } from './pricing.ts'

/** Which sizes a model renders. `auto` leaves the choice to the model and is accepted everywhere. */
export type SizeRule =
  | { type: 'list'; values: string[] }
  /** Any WIDTHxHEIGHT within bounds; `presets` are the ones to offer, and always valid. */
  | {
      type: 'range'
      multipleOf: number
      maxEdge: number
      maxRatio: number
      minPixels: number
      maxPixels: number
      presets: string[]
    }
  /** Only the ratio of the two numbers counts; `presets` are the ones to offer. */
  | { type: 'ratio'; presets: string[] }
  /** Nothing is known of the model: anything that looks like a size. */
  | { type: 'any'; presets: string[] }

export interface ImageRule {
  minCount: number
  maxCount: number
  mimeTypes: string[]
  /** A file must be smaller than this. */
  maxBytes: number
  square: boolean
  /** Without a mask the image's own transparency says where to edit. */
  alphaUnlessMasked: boolean
}

export interface MaskRule {
  mimeTypes: string[]
  /** The file must be smaller than this. */
  maxBytes: number
}

/** What one kind of operation of one model takes. A null says that the model does not have the parameter. */
export interface Capabilities {
  prompt: { maxLength: number } | null
  messages: { maxCount: number; weights: boolean } | null
  images: ImageRule | null
  mask: MaskRule | null
  n: { max: number }
  size: SizeRule | null
  /** Whether the upstream takes the word `auto`; else it is left out, which means the same. */
  autoSize: boolean
  quality: string[] | null
  autoQuality: boolean
  background: string[] | null
  inputFidelity: string[] | null
  outputFormat: string[] | null
  outputCompression: { min: number; max: number } | null
  responseFormat: string[] | null
  /** Partial images and a stream of events. */
  streaming: { maxPartialImages: number } | null
  seed: { min: bigint; max: bigint } | null
  aspectRatio: { max: bigint } | null
  mimeType: string[] | null
  /** Whether the upstream takes a pseudonym of the end user. */
  endUser: boolean
}

export interface Retirement {
  /** The first day without the model. */
  date: string
  replacement: string | null
}

/** One model at one provider: everything that is known about it, as data. */
export interface ImageModel {
  /** `provider/name`. */
  id: string
  provider: string
  /** The name callers use. */
  name: string
  /** The name that goes out on the wire. */
  upstreamName: string
  description: string
  /** How its provider is spoken to: a name in the table of dialects. */
  dialect: string
  /** Its images are drawn by the sandbox, not by a model. */
  sandbox: boolean
  /** `lookup`: a submitted operation can be asked for again. `none`: a request must never be sent twice. */
  idempotency: 'none' | 'lookup'
  kinds: OperationKind[]
  capabilities: Partial<Record<OperationKind, Capabilities>>
  /** Its variations are edits with a prompt of Easel's own: the model has none itself. */
  variationsThroughEdits: boolean
  /** The same as a list of fields, to build a form from. */
  parameters: Partial<Record<OperationKind, ModelParameter[]>>
  /** Why a kind is not there. */
  unsupported: Partial<Record<OperationKind, string>>
  retirement: Retirement | null
  pricing: Pricing
}
