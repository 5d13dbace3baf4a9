import { isAuto, isSame, type PriceRow } from './pricing.ts'
import type { TokenParts } from './tokens.ts'

const million = 1_000_000n

/** Whether tokens cost anything; the other kind of list has a price for each image. */
export function isPricedByToken({ textInput, imageInput, textOutput, imageOutput }: PriceRow): boolean {
  return [textInput, imageInput, textOutput, imageOutput].some((rate) => rate !== null)
}

/** In micro-units, rounded up once over the whole sum. */
export function costOfTokens(price: PriceRow, tokens: TokenParts): number {
  const { textInput, imageInput, textOutput, imageOutput } = price
  const sum =
    multiply(tokens.inputTextTokens, textInput ?? imageInput) +
    multiply(tokens.inputImageTokens, imageInput ?? textInput) +
    multiply(tokens.outputTextTokens, textOutput ?? imageOutput) +
    multiply(tokens.outputImageTokens, imageOutput ?? textOutput)
  return Number((sum + million - 1n) / million)
}

function multiply(count: number, rate: number | null): bigint {
  return BigInt(count) * BigInt(rate ?? 0)
}

/** What one image may cost: one price where the list has it, a range where size or quality are left open or unknown. */
export function costOfOneImage(
  price: PriceRow,
  size: string | null,
  quality: string | null,
): { min: number; max: number } | null {
  const rows = price.perImage
  const fitting = rows.filter((row) => fits(row.size, size) && fits(row.quality, quality))
  const micros = (fitting.length > 0 ? fitting : rows).map((row) => row.micros)
  return micros.length > 0 ? { min: Math.min(...micros), max: Math.max(...micros) } : null
}

function fits(listed: string | null | undefined, asked: string | null): boolean {
  return listed == null || isAuto(asked) || isSame(listed, asked as string)
}
