import type {
  InputImageTokens,
  OutputTokenGrid,
  OutputTokens,
  PriceRow,
  Pricing,
} from '../../../catalogue/pricing.ts'

/** From the day a model came; the same figures have held since. */
interface TokenPrices {
  from: string
  textInput: number
  imageInput: number
  imageOutput: number
  textOutput?: number
  /** Of text and of images that were read before. */
  cached: readonly [text: number, image: number]
  source: string
}

/** US dollars per million tokens, in millionths. */
function perMillion({
  from,
  textInput,
  imageInput,
  imageOutput,
  textOutput,
  cached,
  source,
}: TokenPrices): PriceRow {
  return {
    from,
    currency: 'USD',
    textInput: micros(textInput),
    imageInput: micros(imageInput),
    textOutput: textOutput === undefined ? null : micros(textOutput),
    imageOutput: micros(imageOutput),
    cachedTextInput: micros(cached[0]),
    cachedImageInput: micros(cached[1]),
    perImage: [],
    source,
  }
}

function micros(dollars: number): number {
  return Math.round(dollars * 1_000_000)
}

function tabulate(
  rows: Record<string, readonly [square: number, landscape: number, portrait: number]>,
): OutputTokens[] {
  return Object.entries(rows).flatMap(([quality, [square, landscape, portrait]]) => [
    { quality, size: '1024x1024', tokens: square },
    { quality, size: '1536x1024', tokens: landscape },
    { quality, size: '1024x1536', tokens: portrait },
  ])
}

/** OpenAI's guide, "cost and latency": the models before gpt-image-2. */
const firstOutputTokens = tabulate({
  LOW: [272, 400, 408],
  MEDIUM: [1056, 1568, 1584],
  HIGH: [4160, 6208, 6240],
})

/**
 * gpt-image-2 spends long * short * (2,000,000 + pixels) / 4,000,000 tokens on a grid with this many cells along the
 * longer side. It reproduces every price per image of the guide (0.006/0.005, 0.053/0.041, 0.211/0.165 USD).
 */
const outputTokenGrid = { LOW: 16, MEDIUM: 48, HIGH: 96 }

/**
 * gpt-image-2.5 on a coarser grid: it gives all five counts that are told for 1024x1024, which are 196, 439, 1756, 3122
 * and 7024 (third party: sanand0, 2026-09-26, quoting cellcog; the first also in Comfy-Org/docs#1664).
 */
const finerOutputTokenGrid = { LOW: 16, MEDIUM: 24, HIGH: 48, XHIGH: 64, MAX: 96 }

/**
 * gpt-image-2.6 spends three to four times as much on the two lowest, and the same on the others (third party:
 * docs.laozhang.ai, gpt-image-2-6). Three times is an edge of 27.7 and 41.6.
 */
const boundedOutputTokenGrid: OutputTokenGrid = { ...finerOutputTokenGrid, LOW: [27, 32], MEDIUM: [41, 48] }

/** OpenAI's guide to vision costs, for the GPT image models. */
function readImages(fidelity: InputImageTokens['fidelity']): InputImageTokens {
  return {
    base: 65,
    perTile: 129,
    tileSide: 512,
    shortestSide: 512,
    highFidelity: { square: 4160, other: 6240 },
    fidelity,
  }
}

/** Each partial image costs this many output tokens more (OpenAI's guide). */
const partialImageTokens = 100

export const gptImage1Pricing: Pricing = {
  prices: [
    perMillion({
      from: '2025-04-23',
      textInput: 5,
      imageInput: 10,
      imageOutput: 40,
      cached: [1.25, 2.5],
      source: 'burncloud.com, copy of the official card',
    }),
  ],
  outputTokens: firstOutputTokens,
  inputImageTokens: readImages('option'),
  partialImageTokens,
}

export const gptImage1MiniPricing: Pricing = {
  prices: [
    perMillion({
      from: '2025-10-06',
      textInput: 2,
      imageInput: 2.5,
      imageOutput: 8,
      cached: [0.2, 0.25],
      source: 'developers.openai.com/api/docs/models/gpt-image-1-mini',
    }),
  ],
  outputTokens: firstOutputTokens,
  inputImageTokens: readImages('never'),
  partialImageTokens,
}

export const gptImage15Pricing: Pricing = {
  prices: [
    perMillion({
      from: '2025-12-16',
      textInput: 5,
      imageInput: 8,
      imageOutput: 32,
      textOutput: 10,
      cached: [1.25, 2],
      source: 'third party',
    }),
  ],
  outputTokens: firstOutputTokens,
  inputImageTokens: readImages('option'),
  partialImageTokens,
}

export const gptImage2Pricing: Pricing = {
  prices: [
    perMillion({
      from: '2026-04-21',
      textInput: 5,
      imageInput: 8,
      imageOutput: 30,
      textOutput: 10,
      cached: [1.25, 2],
      source: 'llmgateway#2176; text output litellm#31142',
    }),
  ],
  outputTokens: [],
  outputTokenGrid,
  inputImageTokens: readImages('always'),
  partialImageTokens,
}

/** The rates of both official model pages, as others copied them. */
export const gptImage25Pricing: Pricing = {
  prices: [
    perMillion({
      from: '2026-09-08',
      textInput: 5,
      imageInput: 8,
      imageOutput: 30,
      cached: [1.25, 2],
      source: 'llmgateway#3985, checked against both official model pages',
    }),
  ],
  outputTokens: [],
  outputTokenGrid: finerOutputTokenGrid,
  inputImageTokens: readImages('always'),
  partialImageTokens,
}

/** The official pricing page has one row for both (apidog, 2026-11-05; apiyi). */
export const gptImage26Pricing: Pricing = {
  prices: [
    perMillion({
      from: '2026-11-04',
      textInput: 5,
      imageInput: 8,
      imageOutput: 30,
      cached: [1.25, 2],
      source: 'developers.openai.com/api/docs/models/gpt-image-2.6-sunburst',
    }),
  ],
  outputTokens: [],
  outputTokenGrid: boundedOutputTokenGrid,
  inputImageTokens: readImages('always'),
  partialImageTokens,
}

function perImage(from: string, perImage: PriceRow['perImage']): Pricing {
  const none = { textInput: null, imageInput: null, textOutput: null, imageOutput: null }
  const row: PriceRow = {
    from,
    currency: 'USD',
    ...none,
    perImage,
    source: 'historic list prices, third party',
  }
  return { prices: [row], outputTokens: [], inputImageTokens: null, partialImageTokens: 0 }
}

export const dallE2Pricing = perImage('2022-11-03', [
  { size: '256x256', micros: 16_000 },
  { size: '512x512', micros: 18_000 },
  { size: '1024x1024', micros: 20_000 },
])

export const dallE3Pricing = perImage('2023-11-06', [
  { quality: 'STANDARD', size: '1024x1024', micros: 40_000 },
  { quality: 'STANDARD', size: '1792x1024', micros: 80_000 },
  { quality: 'STANDARD', size: '1024x1792', micros: 80_000 },
  { quality: 'HD', size: '1024x1024', micros: 80_000 },
  { quality: 'HD', size: '1792x1024', micros: 120_000 },
  { quality: 'HD', size: '1024x1792', micros: 120_000 },
])
