/** What a model costs from one day on. Amounts are millionths of the currency; null says that there is no price. */
export interface PriceRow {
  /** YYYY-MM-DD, the first day of this price. */
  from: string
  currency: string
  /** Per 1,000,000 tokens. */
  textInput: number | null
  imageInput: number | null
  textOutput: number | null
  imageOutput: number | null
  /** Per image, for models without tokens; a row without size or quality fits every one. */
  perImage: { quality?: string; size?: string; micros: number }[]
  /** Where the figures come from. */
  source: string
}

/** How many output tokens an image takes; `auto` sizes and qualities have no row. */
export interface OutputTokens {
  quality: string
  size: string
  tokens: number
}

/** How many input tokens an image takes: scaled to a shortest side, cut into tiles, plus a surcharge. */
export interface InputImageTokens {
  base: number
  perTile: number
  tileSide: number
  shortestSide: number
  highFidelity: { square: number; other: number }
  /** `always`: read with high fidelity whatever is asked. `option`: `inputFidelity` decides. */
  fidelity: 'always' | 'option' | 'never'
}

export interface Pricing {
  prices: PriceRow[]
  outputTokens: OutputTokens[]
  /** For models that draw any size: by quality, how many cells the longer side of an image has. */
  outputTokenGrid?: Record<string, number>
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
