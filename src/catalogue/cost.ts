import { type EstimateFacts, isAuto, isSame, type MegapixelPrice, type PriceRow } from './pricing.ts'
import type { TokenParts } from './tokens.ts'
import { type Dimensions, parseSize } from './wire-size.ts'

const million = 1_000_000n

/** Whether tokens cost anything; the other kind of list has a price for each image. */
export function isPricedByToken({ textInput, imageInput, textOutput, imageOutput }: PriceRow): boolean {
  return [textInput, imageInput, textOutput, imageOutput].some((rate) => rate !== null)
}

/** Of the input, what the provider has read before. */
export interface CachedInput {
  text: number
  image: number
}

/** In micro-units, rounded up once over the whole sum. */
export function costOfTokens(
  price: PriceRow,
  tokens: TokenParts,
  cached: CachedInput = { text: 0, image: 0 },
): number {
  const { textOutput, imageOutput } = price
  const rates = inputRates(price)
  const sum =
    multiply(tokens.inputTextTokens - cached.text, rates.text) +
    multiply(tokens.inputImageTokens - cached.image, rates.image) +
    multiply(cached.text, rates.cachedText) +
    multiply(cached.image, rates.cachedImage) +
    multiply(tokens.outputTextTokens, textOutput ?? imageOutput) +
    multiply(tokens.outputImageTokens, imageOutput ?? textOutput)
  return Number((sum + million - 1n) / million)
}

function inputRates({ textInput, imageInput, cachedTextInput, cachedImageInput }: PriceRow) {
  const [text, image] = [textInput ?? imageInput, imageInput ?? textInput]
  return { text, image, cachedText: cachedTextInput ?? text, cachedImage: cachedImageInput ?? image }
}

/** Where most cached tokens are taken to be if nobody says: at the dearer rate, and no more than were read. */
export function placeCached(price: PriceRow | null, cached: number, input: CachedInput): CachedInput {
  const { cachedText, cachedImage } = price ? inputRates(price) : { cachedText: 0, cachedImage: 0 }
  const isTextDearer = (cachedText ?? 0) > (cachedImage ?? 0)
  const first = Math.min(cached, isTextDearer ? input.text : input.image)
  return isTextDearer ? { text: first, image: cached - first } : { text: cached - first, image: first }
}

function multiply(count: number, rate: number | null): bigint {
  return BigInt(count) * BigInt(rate ?? 0)
}

export interface Range {
  min: number
  max: number
}

type ImageFacts = Pick<EstimateFacts, 'size' | 'quality' | 'inputImages'>

/** What one image may cost: one price where the list has it, a range where size or quality are left open or unknown. */
export function costOfOneImage(price: PriceRow, facts: ImageFacts): Range | null {
  if (price.megapixels) return costOfMegapixels(price.megapixels, facts)
  const rows = price.perImage
  const fitting = rows.filter((row) => fits(row.size, facts.size) && fits(row.quality, facts.quality))
  const micros = (fitting.length > 0 ? fitting : rows).map((row) => row.micros)
  return micros.length > 0 ? { min: Math.min(...micros), max: Math.max(...micros) } : null
}

const pixelsOfMegapixel = 1024 * 1024

/** Whether a part of a megapixel counts as a whole one is not documented: rounds down for the least, up for the most. */
function costOfMegapixels(price: MegapixelPrice, { size, inputImages }: ImageFacts): Range {
  const made = size === null ? null : parseSize(size)
  const cost = (round: (megapixels: number) => number, open: number) => {
    const count = ({ width, height }: Dimensions) => Math.max(1, round((width * height) / pixelsOfMegapixel))
    const given = inputImages.reduce((sum, image) => sum + count(image), 0)
    return price.first + price.further * ((made ? count(made) : open) - 1 + given)
  }
  return { min: cost(Math.floor, 1), max: cost(Math.ceil, price.largest) }
}

function fits(listed: string | null | undefined, asked: string | null): boolean {
  return listed == null || isAuto(asked) || isSame(listed, asked as string)
}
