import { costOfOneImage, costOfTokens, isPricedByToken } from './cost.ts'
import {
  type EstimateFacts,
  isAuto,
  isBilledByToken,
  type PriceRow,
  type Pricing,
  priceAt,
} from './pricing.ts'
import { add, type Count, countTokens, isBounded, isTabulated, type TokenCounts } from './token-count.ts'
import { fillTokenParts, type TokenParts } from './tokens.ts'

/** Why an estimate is no single figure. */
export type EstimateReason =
  | 'PROMPT_TOKENS_VARY'
  | 'INPUT_IMAGE_TOKENS_VARY'
  | 'PARTIAL_IMAGES_VARY'
  | 'OUTPUT_TOKENS_VARY'
  | 'SIZE_IS_AUTO'
  | 'QUALITY_IS_AUTO'
  | 'SIZE_NOT_LISTED'
  | 'QUALITY_NOT_LISTED'
  | 'NO_PRICE'
  | 'NO_TOKEN_TABLE'

export interface Estimate {
  /** UNKNOWN: the maximum is the registry's dearest figure, or nothing is known at all; it may be exceeded. */
  certainty: 'EXACT' | 'RANGE' | 'UNKNOWN'
  tokens: { min: number; max: number }
  /** In micro-units; null without a price. */
  cost: { min: number; max: number; currency: string } | null
  reasons: EstimateReason[]
}

/** What a request will take before it is sent. Its maximum is what gets reserved, so no real answer may exceed it. */
export function estimate(pricing: Pricing, facts: EstimateFacts, at: Date): Estimate {
  const counts = countTokens(pricing, facts)
  const sum = Object.values(counts).reduce(add)
  const price = priceAt(pricing, at)
  const cost = price && costRange(price, counts, facts)
  const reasons = findReasons({ pricing, facts, counts, hasCost: cost !== null })
  const tokens = { min: sum.min, max: sum.max }
  const isGuess = pricing.outputTokenGrid !== undefined && isAuto(facts.size)
  return { certainty: isGuess ? 'UNKNOWN' : certaintyOf({ tokens, cost, reasons }), tokens, cost, reasons }
}

function costRange(price: PriceRow, counts: TokenCounts, facts: EstimateFacts): Estimate['cost'] {
  const { currency } = price
  if (isPricedByToken(price) && counts.outputImageTokens.max > 0) {
    return {
      min: costOfTokens(price, endOf(counts, 'min')),
      max: costOfTokens(withDearerText(price, facts), endOf(counts, 'max')),
      currency,
    }
  }
  const one = costOfOneImage(price, facts)
  return one && { min: one.min * facts.n, max: one.max * facts.n, currency }
}

/** An answer that does not split its input is priced at the dearer rate throughout. */
function withDearerText(price: PriceRow, { inputImages }: EstimateFacts): PriceRow {
  if (inputImages.length === 0 || price.textInput === null) return price
  return { ...price, textInput: Math.max(price.textInput, price.imageInput ?? 0) }
}

function endOf(counts: TokenCounts, end: keyof Count): TokenParts {
  return fillTokenParts((part) => counts[part][end])
}

interface ReasonFacts {
  pricing: Pricing
  facts: EstimateFacts
  counts: TokenCounts
  hasCost: boolean
}

function findReasons({ pricing, facts, counts, hasCost }: ReasonFacts): EstimateReason[] {
  const isTokenBilled = isBilledByToken(pricing)
  const reasons: EstimateReason[] = isTokenBilled ? tokenReasons(pricing, facts, counts) : []
  if (!isTokenBilled && !hasCost) reasons.push('NO_TOKEN_TABLE')
  if (!hasCost) reasons.push('NO_PRICE')
  const isOpen = isTokenBilled || pricing.prices.some((row) => row.perImage.length > 1)
  const isPricedBySize = isOpen || pricing.prices.some((row) => row.megapixels)
  if (isPricedBySize && isAuto(facts.size)) reasons.push('SIZE_IS_AUTO')
  if (isOpen && isAuto(facts.quality)) reasons.push('QUALITY_IS_AUTO')
  return reasons
}

function tokenReasons(pricing: Pricing, facts: EstimateFacts, counts: TokenCounts): EstimateReason[] {
  const reasons: EstimateReason[] = ['PROMPT_TOKENS_VARY']
  const listed = isTabulated(pricing, facts)
  if (counts.inputImageTokens.min !== counts.inputImageTokens.max) reasons.push('INPUT_IMAGE_TOKENS_VARY')
  if (facts.partialImages > 0) reasons.push('PARTIAL_IMAGES_VARY')
  if (isBounded(pricing, facts)) reasons.push('OUTPUT_TOKENS_VARY')
  if (!listed.size) reasons.push('SIZE_NOT_LISTED')
  if (!listed.quality) reasons.push('QUALITY_NOT_LISTED')
  return reasons
}

function certaintyOf({ tokens, cost, reasons }: Omit<Estimate, 'certainty'>): Estimate['certainty'] {
  if (reasons.includes('NO_TOKEN_TABLE') || reasons.includes('QUALITY_NOT_LISTED')) return 'UNKNOWN'
  const isExact = tokens.min === tokens.max && (!cost || cost.min === cost.max)
  return isExact ? 'EXACT' : 'RANGE'
}
