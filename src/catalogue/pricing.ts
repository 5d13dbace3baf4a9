import type { OperationKind } from './operation-kind.ts'
import type { Dimensions } from './wire-size.ts'

/** What one image costs, in millionths of the currency; a missing `quality` or `size` stands for every one. */
export interface PerImagePrice {
  quality?: string | null
  size?: string | null
  micros: number
}

/**
 * What an image costs by its size, in millionths of the currency. A megapixel is 1024x1024, and one that is begun may
 * count whole. Those of input images count like further ones.
 */
export interface MegapixelPrice {
  first: number
  further: number
  /** The megapixels of the largest image: an image whose size is left open costs at most that. */
  largest: number
}

/** A price list that holds from a day (UTC) until the next row's. Rates are micro-units per million tokens. */
export interface PriceRow {
  /** `YYYY-MM-DD` */
  from: string
  currency: string
  textInput: number | null
  imageInput: number | null
  textOutput: number | null
  imageOutput: number | null
  /** Of input that the provider has read before; without one it costs what any other does. */
  cachedTextInput?: number | null | undefined
  cachedImageInput?: number | null | undefined
  perImage: readonly PerImagePrice[]
  /** In place of `perImage`, where every pixel has a price. */
  megapixels?: MegapixelPrice | undefined
  /** Where the figures were read. */
  source: string
}

/** How many output tokens an image takes; `auto` sizes and qualities have no row. */
export interface OutputTokens {
  quality: string
  /** `WIDTHxHEIGHT` */
  size: string
  tokens: number
}

/** Where the number is not published, the least and the most that it can be. */
export type OutputTokenGrid = Readonly<Record<string, number | readonly [least: number, most: number]>>

/** An input image is scaled until its shortest side is `shortestSide`, then paid by the tile, plus a surcharge. */
export interface InputImageTokens {
  base: number
  perTile: number
  tileSide: number
  shortestSide: number
  highFidelity: { square: number; other: number }
  /** `always`: read with high fidelity whatever is asked. `option`: `inputFidelity` decides. */
  fidelity: 'always' | 'option' | 'never'
}

/** The prices of a model and its token rules. Without a token rule the provider does not bill by the token. */
export interface Pricing {
  prices: readonly PriceRow[]
  outputTokens: readonly OutputTokens[]
  /** For models that draw any size: by quality, how many cells the longer side of an image has. */
  outputTokenGrid?: OutputTokenGrid | undefined
  inputImageTokens: InputImageTokens | null
  /** Output tokens of each partial image. */
  partialImageTokens: number
}

export const noPricing: Pricing = {
  prices: [],
  outputTokens: [],
  inputImageTokens: null,
  partialImageTokens: 0,
}

/** The parts of a request that affect its price. */
export interface EstimateFacts {
  kind: OperationKind
  /** The UTF-8 bytes of the prompt or of all messages. */
  promptBytes: number
  n: number
  /** `auto`, `WIDTHxHEIGHT` or null. */
  size: string | null
  quality: string | null
  partialImages: number
  inputImages: readonly Dimensions[]
  mask?: Dimensions | null
  inputFidelity: string | null
}

/** The price list of that day (UTC), or null where none is known for it. */
export function priceAt({ prices }: Pricing, at: Date): PriceRow | null {
  const day = at.toISOString().slice(0, 10)
  return prices.reduce<PriceRow | null>(
    (newest, row) => (row.from <= day && (!newest || row.from >= newest.from) ? row : newest),
    null,
  )
}

export function isBilledByToken({ outputTokens, outputTokenGrid, inputImageTokens }: Pricing): boolean {
  return outputTokens.length > 0 || outputTokenGrid !== undefined || inputImageTokens !== null
}

export function isAuto(value: string | null | undefined): boolean {
  return value == null || value.toLowerCase() === 'auto'
}

/** Quality and size are written `high` by upstreams and `HIGH` by GraphQL. */
export function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}
