import { costOfOneImage, costOfTokens, isPricedByToken, type TokenSplit } from './cost.ts'
import { type EstimateFacts, isBilledByToken, type PriceRow, type Pricing, priceAt } from './pricing.ts'
import type { ReportedUsage } from './reported-usage.ts'
import { countTokens } from './token-count.ts'

/** What is booked. Every figure is a whole number that fits a GraphQL Int; money is in micro-units. */
export interface UsageFigures {
  inputTokens: number
  outputTokens: number
  totalTokens: number
  inputTextTokens: number
  inputImageTokens: number
  outputTextTokens: number
  outputImageTokens: number
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

/** Beyond this a part is garbage; four of them still fit a GraphQL Int. */
const largestPart = 500_000_000
/** What a record or an entry of the ledger says where no price, and so no currency, is known. */
export const defaultCurrency = 'USD'

/**
 * Turns what the upstream reported, however incomplete, into figures. A paid image is never lost over its usage: this
 * throws nothing, fills gaps from the token tables and says so.
 */
export function figure({ reported, pricing, facts, at }: FigureRequest): UsageFigures {
  const price = priceAt(pricing, at)
  // The upstream's own bill goes before every table.
  const told = reported?.cost ?? null
  const sides = settleSides({ reported: clean(reported), pricing, facts, at })
  const { input, output } = sides
  const inputTokens = input.text + input.image
  const outputTokens = output.text + output.image
  const split = {
    inputText: input.text,
    inputImage: input.image,
    outputText: output.text,
    outputImage: output.image,
  }
  return {
    inputTokens,
    outputTokens,
    totalTokens: Math.max(sides.reportedTotal, inputTokens + outputTokens),
    inputTextTokens: input.text,
    inputImageTokens: input.image,
    outputTextTokens: output.text,
    outputImageTokens: output.image,
    images: facts.images,
    costMicros: told?.micros ?? (price && costOf(price, split, facts)),
    currency: told?.currency ?? price?.currency ?? defaultCurrency,
    estimated:
      input.estimated ||
      output.estimated ||
      (!told && isUncounted(pricing, price, inputTokens + outputTokens)),
  }
}

function costOf(price: PriceRow, split: TokenSplit, facts: FigureRequest['facts']): number | null {
  const hasTokens = Object.values(split).some((tokens) => tokens > 0)
  if (isPricedByToken(price) && (hasTokens || price.perImage.length === 0)) return costOfTokens(price, split)
  const one = costOfOneImage(price, facts)
  return one && one.max * facts.images
}

/** Nothing was counted although neither a price per image explains it. */
function isUncounted(pricing: Pricing, price: PriceRow | null, tokens: number): boolean {
  const isPricedByImage = price !== null && (price.perImage.length > 0 || price.megapixels !== undefined)
  return tokens === 0 && (isBilledByToken(pricing) || !isPricedByImage)
}

function clean(reported: ReportedUsage | null): ReportedUsage {
  return {
    inputTokens: cleanPart(reported?.inputTokens),
    outputTokens: cleanPart(reported?.outputTokens),
    totalTokens: cleanPart(reported?.totalTokens),
    inputTextTokens: cleanPart(reported?.inputTextTokens),
    inputImageTokens: cleanPart(reported?.inputImageTokens),
    outputTextTokens: cleanPart(reported?.outputTextTokens),
    outputImageTokens: cleanPart(reported?.outputImageTokens),
  }
}

function cleanPart(part: number | null | undefined): number | null {
  return Number.isInteger(part) && (part as number) >= 0 && (part as number) <= largestPart
    ? (part as number)
    : null
}

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

function settleSides(request: FigureRequest & { reported: ReportedUsage }): {
  input: Side
  output: Side
  reportedTotal: number
} {
  const { reported, pricing, facts, at } = request
  const price = priceAt(pricing, at)
  const guess = countTokens(pricing, { ...facts, n: facts.images })
  const hasInputImages = facts.inputImages.length > 0
  const input = settleSide({
    reported: {
      total: reported.inputTokens ?? subtract(reported.totalTokens, reported.outputTokens),
      text: reported.inputTextTokens,
      image: reported.inputImageTokens,
    },
    guess: { text: guess.inputText.likely, image: guess.inputImage.likely },
    certain: hasInputImages ? null : 'text',
    dearer: (price?.textInput ?? 0) > (price?.imageInput ?? 0) ? 'text' : 'image',
  })
  const output = settleSide({
    reported: {
      total: reported.outputTokens ?? subtract(reported.totalTokens, reported.inputTokens),
      text: reported.outputTextTokens,
      image: reported.outputImageTokens,
    },
    guess: { text: 0, image: guess.outputImage.likely },
    // Streamed replies and many others never split their output: the images API puts out images.
    certain: 'image',
    dearer: 'image',
  })
  return { input, output, reportedTotal: reported.totalTokens ?? 0 }
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
