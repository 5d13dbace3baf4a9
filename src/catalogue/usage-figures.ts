import { type CachedInput, costOfOneImage, costOfTokens, isPricedByToken, placeCached } from './cost.ts'
import { usualCurrency } from './currency.ts'
import { type EstimateFacts, isBilledByToken, type PriceRow, type Pricing, priceAt } from './pricing.ts'
import { noTokens, type ReportedUsage } from './reported-usage.ts'
import { countTokens } from './token-count.ts'
import type { TokenParts, Tokens } from './tokens.ts'

/** The figures that are booked. Each is a whole number that fits a GraphQL Int; money is in micro-units. */
export interface UsageFigures extends Tokens {
  images: number
  /** Null where no price is known. */
  costMicros: number | null
  currency: string
  /** Whether any figure is Easel's estimate rather than the upstream's count. */
  estimated: boolean
}

export interface FigureRequest {
  reported: ReportedUsage | null
  pricing: Pricing
  /** As asked, with `size` and `quality` as the reply states them where it does, and how many final images arrived. */
  facts: EstimateFacts & { images: number }
  at: Date
}

/**
 * Turns what the upstream reported, however incomplete, into figures. A paid image is never lost over its usage: this
 * throws nothing, fills gaps from the token tables and says so.
 */
export function figure({ reported, pricing, facts, at }: FigureRequest): UsageFigures {
  const price = priceAt(pricing, at)
  // A cost that the upstream reports takes precedence over every table.
  const told = reported?.cost ?? null
  const { input, output, reportedTotal } = settleSides({ reported, pricing, facts, at })
  const parts: TokenParts = {
    inputTextTokens: input.text,
    inputImageTokens: input.image,
    outputTextTokens: output.text,
    outputImageTokens: output.image,
  }
  const inputTokens = input.text + input.image
  const cached = settleCached(reported, input, price)
  const outputTokens = output.text + output.image
  return {
    ...parts,
    inputTokens,
    outputTokens,
    totalTokens: Math.max(reportedTotal, inputTokens + outputTokens),
    cachedInputTokens: cached.text + cached.image,
    images: facts.images,
    costMicros: told?.micros ?? (price && costOf(price, { parts, cached, facts })),
    currency: told?.currency ?? price?.currency ?? usualCurrency,
    estimated:
      input.estimated ||
      output.estimated ||
      (!told && cached.estimated) ||
      (!told && isUncounted(pricing, price, inputTokens + outputTokens)),
  }
}

interface Taken {
  parts: TokenParts
  cached: CachedInput
  facts: FigureRequest['facts']
}

function costOf(price: PriceRow, { parts, cached, facts }: Taken): number | null {
  const hasTokens = Object.values(parts).some((tokens) => tokens > 0)
  if (isPricedByToken(price) && (hasTokens || price.perImage.length === 0))
    return costOfTokens(price, parts, cached)
  const one = costOfOneImage(price, facts)
  return one && one.max * facts.images
}

/** Cached tokens are some of the input: a count above it is a fault, and none is taken from it. */
function settleCached(reported: ReportedUsage | null, input: Side, price: PriceRow | null): Side {
  const cached = reported?.cachedInputTokens ?? 0
  const told = reported?.cachedParts
  if (cached > input.text + input.image) return { text: 0, image: 0, estimated: false }
  if (told && told.text + told.image === cached && told.text <= input.text && told.image <= input.image)
    return { ...told, estimated: false }
  const isCertain = cached === 0 || cached === input.text + input.image || !input.text || !input.image
  return { ...placeCached(price, cached, input), estimated: !isCertain }
}

/** No tokens were counted, and no price per image explains that. */
function isUncounted(pricing: Pricing, price: PriceRow | null, tokens: number): boolean {
  const isPricedByImage = price !== null && (price.perImage.length > 0 || price.megapixels !== undefined)
  return tokens === 0 && (isBilledByToken(pricing) || !isPricedByImage)
}

/** One half of a use: its input, or its output. */
interface Side {
  text: number
  image: number
  estimated: boolean
}

interface ReportedSide {
  total: number | null
  text: number | null
  image: number | null
}

function settleSides({ reported, pricing, facts, at }: FigureRequest): {
  input: Side
  output: Side
  reportedTotal: number
} {
  const counted = reported ?? noTokens
  const price = priceAt(pricing, at)
  const guess = countTokens(pricing, { ...facts, n: facts.images })
  const hasInputImages = facts.inputImages.length > 0
  const input = settleSide({
    reported: {
      total: counted.inputTokens ?? subtract(counted.totalTokens, counted.outputTokens),
      text: counted.inputTextTokens,
      image: counted.inputImageTokens,
    },
    guess: { text: guess.inputTextTokens.likely, image: guess.inputImageTokens.likely },
    certain: hasInputImages ? null : 'text',
    dearer: (price?.textInput ?? 0) > (price?.imageInput ?? 0) ? 'text' : 'image',
  })
  const output = settleSide({
    reported: {
      total: counted.outputTokens ?? subtract(counted.totalTokens, counted.inputTokens),
      text: counted.outputTextTokens,
      image: counted.outputImageTokens,
    },
    guess: { text: 0, image: guess.outputImageTokens.likely },
    // Streamed replies and many others never split their output: the images API puts out images.
    certain: 'image',
    dearer: 'image',
  })
  return { input, output, reportedTotal: counted.totalTokens ?? 0 }
}

interface SideRequest {
  reported: ReportedSide
  guess: { text: number; image: number }
  /** Where all tokens of an unsplit side must belong, if that is certain. */
  certain: 'text' | 'image' | null
  /** Where they are booked otherwise. */
  dearer: 'text' | 'image'
}

function settleSide({ reported, guess, certain, dearer }: SideRequest): Side {
  const { total, text, image } = reported
  // Some servers send a usage object full of zeros beside a real image.
  const isSilent = !total && !text && !image
  if (isSilent) return { ...guess, estimated: guess.text + guess.image > 0 }
  if (text === null && image === null) return putAll(total ?? 0, certain ?? dearer, certain === null)
  if (total === null) {
    return {
      text: text ?? guess.text,
      image: image ?? guess.image,
      estimated: text === null || image === null,
    }
  }
  if (text === null) return { text: Math.max(0, total - (image ?? 0)), image: image ?? 0, estimated: false }
  if (image === null) return { text, image: Math.max(0, total - text), estimated: false }
  const rest = Math.max(0, total - text - image)
  const more = putAll(rest, certain ?? dearer, total !== text + image)
  return { text: text + more.text, image: image + more.image, estimated: more.estimated }
}

function putAll(tokens: number, where: 'text' | 'image', estimated: boolean): Side {
  return { text: 0, image: 0, [where]: tokens, estimated }
}

function subtract(total: number | null, part: number | null): number | null {
  return total !== null && part !== null && total >= part ? total - part : null
}
