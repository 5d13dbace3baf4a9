import {
  type EstimateFacts,
  type InputImageTokens,
  isAuto,
  isBilledByToken,
  isSame,
  type Pricing,
} from './pricing.ts'
import { fillTokenParts, type TokenParts } from './tokens.ts'
import { type Dimensions, parseSize } from './wire-size.ts'

/** `likely` is what is booked when the provider does not say; never below the truth where the truth is known. */
export interface Count {
  min: number
  likely: number
  max: number
}

/** Partial images are among the output. */
export type TokenCounts = TokenParts<Count>

const nothing: Count = { min: 0, likely: 0, max: 0 }

/** OpenAI's rule of thumb for English. */
const bytesPerToken = 4
/** The longest entries of OpenAI's o200k vocabulary are runs of 128 characters. */
const longestTokenBytes = 128
/**
 * Instructions the provider adds to a prompt and bills: 32 were counted with one input image
 * (community.openai.com/t/1281361). Twice that for each image, and once for a request without one.
 */
const hiddenTextTokens = 64

/**
 * Between these lies what `auto` may answer where any size can be drawn: 1254x1254 was seen, which no table lists
 * (azure-ai-docs#779), and OpenAI's guide wants 655,360 pixels and at most 3:1.
 */
const autoSizes: Dimensions[] = [
  { width: 1408, height: 480 },
  { width: 1536, height: 1536 },
]

/** The tokens of a request; zeros for a model that is not billed by the token. */
export function countTokens(pricing: Pricing, facts: EstimateFacts): TokenCounts {
  if (!isBilledByToken(pricing)) return fillTokenParts(() => nothing)
  const { inputImageTokens } = pricing
  return {
    inputTextTokens: countText(facts),
    inputImageTokens: inputImageTokens ? countInputImages(inputImageTokens, facts) : nothing,
    outputTextTokens: nothing,
    outputImageTokens: countOutput(pricing, facts),
  }
}

/** A byte-level vocabulary never takes more tokens than bytes. */
function countText({ promptBytes, inputImages, mask }: EstimateFacts): Count {
  const pieces = Math.max(1, inputImages.length + (mask ? 1 : 0))
  return {
    min: Math.ceil(promptBytes / longestTokenBytes),
    likely: Math.ceil(promptBytes / bytesPerToken),
    max: promptBytes + hiddenTextTokens * pieces,
  }
}

function countInputImages(
  rule: InputImageTokens,
  { inputImages, mask, inputFidelity }: EstimateFacts,
): Count {
  const asksHigh = inputFidelity !== null && isSame(inputFidelity, 'HIGH')
  const isHigh = rule.fidelity === 'always' || (rule.fidelity === 'option' && asksHigh)
  const counts = inputImages.map((image, index) =>
    countInputImage(rule, image, { isHigh, isFirst: index === 0 }),
  )
  // It is not documented whether a mask is billed, so it counts for the most and not for the least.
  const maskMax = mask ? countInputImage(rule, mask, { isHigh, isFirst: false }).max : 0
  const sum = counts.reduce(add, nothing)
  return { ...sum, max: sum.max + maskMax }
}

function countInputImage(
  rule: InputImageTokens,
  image: Dimensions,
  { isHigh, isFirst }: { isHigh: boolean; isFirst: boolean },
): Count {
  const { square, other } = rule.highFidelity
  const extra = isHigh ? (image.width === image.height ? square : other) : 0
  const tiles = countTiles(rule, image)
  return {
    // Some models keep the fine detail of the first image only.
    min: rule.base + rule.perTile + (isFirst ? Math.min(extra, square) : 0),
    likely: rule.base + rule.perTile * tiles + extra,
    max: rule.base + rule.perTile * tiles + (isHigh ? Math.max(square, other) : 0),
  }
}

/** Rounded up; the provider was seen to round down when a side is a few pixels over (512x513 after scaling). */
function countTiles({ shortestSide, tileSide }: InputImageTokens, { width, height }: Dimensions): number {
  const scale = shortestSide / Math.max(1, Math.min(width, height))
  return Math.ceil((width * scale) / tileSide) * Math.ceil((height * scale) / tileSide)
}

function countOutput(pricing: Pricing, { n, size, quality, partialImages }: EstimateFacts): Count {
  const one = countOneOutput(pricing, size, quality)
  const partial = pricing.partialImageTokens * partialImages
  return { min: one.min * n, likely: (one.likely + partial) * n, max: (one.max + partial) * n }
}

/** One final image. What is left to the provider (`auto`) spans the table, and books at its dearest. */
function countOneOutput(pricing: Pricing, size: string | null, quality: string | null): Count {
  const qualities = matchingQualities(pricing, quality)
  const tokens = qualities.flatMap((candidate) => tokensOfQuality(pricing, candidate, size))
  if (tokens.length === 0) return nothing
  const max = Math.max(...tokens)
  return { min: Math.min(...tokens), likely: max, max }
}

/** Every quality when it is left open, and also when the table does not know the one asked for. */
function matchingQualities(pricing: Pricing, quality: string | null): string[] {
  const known = [
    ...new Set([
      ...pricing.outputTokens.map((row) => row.quality),
      ...Object.keys(pricing.outputTokenGrid ?? {}),
    ]),
  ]
  const asked = known.filter((candidate) => quality !== null && isSame(candidate, quality))
  return asked.length > 0 ? asked : known
}

function tokensOfQuality(pricing: Pricing, quality: string, size: string | null): number[] {
  const rows = pricing.outputTokens.filter((row) => isSame(row.quality, quality))
  const gridEdges = gridEdgesOf(pricing, quality)
  const drawn = (sizes: readonly Dimensions[]) =>
    sizes.flatMap((drawnSize) => gridEdges.map((edge) => countGrid(edge, drawnSize)))
  if (isAuto(size)) return [...rows.map((row) => row.tokens), ...drawn(autoSizes)]
  const exact = rows.find((row) => isSame(row.size, size as string))
  if (exact) return [exact.tokens]
  const dimensions = size === null ? null : parseSize(size.toLowerCase())
  if (gridEdges.length > 0 && dimensions) return drawn([dimensions])
  return rows.flatMap((row) => [row.tokens, scaleToArea(row, dimensions)])
}

/** One where the grid is known, the least and the most where only bounds are. */
function gridEdgesOf({ outputTokenGrid }: Pricing, quality: string): number[] {
  const found = Object.entries(outputTokenGrid ?? {}).find(([name]) => isSame(name, quality))
  return found ? [found[1]].flat() : []
}

/**
 * gpt-image-2: gives every published figure (196, 1756, 7024 tokens for 1024x1024; 158, 1372, 5488 for 1536x1024) and
 * those of OpenAI's calculator (5063 for 1792x1024, 12329 for 3584x2048; community.openai.com/t/1379464).
 */
function countGrid(longEdge: number, { width, height }: Dimensions): number {
  const shortEdge = Math.round((longEdge * Math.min(width, height)) / Math.max(width, height))
  return Math.ceil((longEdge * shortEdge * (2_000_000 + width * height)) / 4_000_000)
}

/** No row has this size: tokens grow no faster than the area. */
function scaleToArea(row: { size: string; tokens: number }, asked: Dimensions | null): number {
  const known = parseSize(row.size.toLowerCase())
  if (!known || !asked) return row.tokens
  return Math.ceil(row.tokens * Math.max(1, (asked.width * asked.height) / (known.width * known.height)))
}

export function add(one: Count, other: Count): Count {
  return { min: one.min + other.min, likely: one.likely + other.likely, max: one.max + other.max }
}

/** Whether the count of a final image is known only within bounds, for the quality asked for or for one that may be chosen. */
export function isBounded(pricing: Pricing, { quality }: EstimateFacts): boolean {
  return matchingQualities(pricing, quality).some((each) => gridEdgesOf(pricing, each).length > 1)
}

/** Whether the table has a row (or a rule) for exactly what was asked. */
export function isTabulated(
  pricing: Pricing,
  { size, quality }: EstimateFacts,
): { size: boolean; quality: boolean } {
  const rows = pricing.outputTokens
  const hasGrid = Object.keys(pricing.outputTokenGrid ?? {}).length > 0
  const hasQuality =
    isAuto(quality) ||
    rows.some((row) => isSame(row.quality, quality as string)) ||
    gridEdgesOf(pricing, quality as string).length > 0
  const hasSize = isAuto(size) || hasGrid || rows.some((row) => isSame(row.size, size as string))
  return { size: hasSize, quality: hasQuality }
}
