import type { EstimateFacts, PriceRow, Pricing } from '../../src/catalogue/pricing.ts'

export const sizes = ['1024x1024', '1024x1536', '1536x1024'] as const
export const qualities = ['low', 'medium', 'high'] as const

/** OpenAI's image generation guide, for models before gpt-image-2. */
const counts = { low: [272, 408, 400], medium: [1056, 1584, 1568], high: [4160, 6240, 6208] }

export const tokenPrice: PriceRow = {
  from: '2025-04-23',
  currency: 'USD',
  textInput: 5_000_000,
  imageInput: 10_000_000,
  textOutput: null,
  imageOutput: 40_000_000,
  perImage: [],
  source: 'test',
}

export const byToken: Pricing = {
  prices: [tokenPrice],
  outputTokens: qualities.flatMap((quality) =>
    sizes.map((size, index) => ({ quality, size, tokens: counts[quality][index] ?? 0 })),
  ),
  inputImageTokens: {
    base: 65,
    perTile: 129,
    tileSide: 512,
    shortestSide: 512,
    highFidelity: { square: 4160, other: 6240 },
    fidelity: 'option',
  },
  partialImageTokens: 100,
}

const noTokens = { outputTokens: [], inputImageTokens: null, partialImageTokens: 0 }
const noRates = { textInput: null, imageInput: null, textOutput: null, imageOutput: null }

export const byImage: Pricing = {
  ...noTokens,
  prices: [
    {
      ...tokenPrice,
      ...noRates,
      from: '2024-01-01',
      perImage: [
        { quality: 'standard', size: '256x256', micros: 16_000 },
        { quality: 'standard', size: '512x512', micros: 18_000 },
        { quality: 'standard', size: '1024x1024', micros: 20_000 },
      ],
    },
  ],
}

/** Three cents for the first megapixel, one and a half for each further one, and four at most. */
export const byMegapixel: Pricing = {
  ...noTokens,
  prices: [{ ...tokenPrice, ...noRates, megapixels: { first: 30_000, further: 15_000, largest: 4 } }],
}

export const unpriced: Pricing = { ...byToken, prices: [] }
export const unknown: Pricing = { ...noTokens, prices: [] }
export const gridded: Pricing = {
  ...byToken,
  outputTokens: [],
  outputTokenGrid: { low: 16, medium: 48, high: 96 },
}

export function makeFacts(some: Partial<EstimateFacts> = {}): EstimateFacts {
  return {
    kind: 'GENERATE',
    promptBytes: 40,
    n: 1,
    size: '1024x1024',
    quality: 'HIGH',
    partialImages: 0,
    inputImages: [],
    inputFidelity: null,
    ...some,
  }
}
