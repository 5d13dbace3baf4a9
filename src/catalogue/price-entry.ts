import { z } from 'zod'
import { qualities } from './choices.ts'
import { currencyCode } from './currency.ts'
import { isSame } from './pricing.ts'
import { sizeText } from './size-rule.ts'

/** Far above every price in any currency, and below most prices that were written in millionths by mistake. */
const largest = { perMillionTokens: 1_000_000, perImage: 10_000 }

/** An amount as an operator writes it, in units of the currency; it comes out in millionths. */
function amount(max: number) {
  return z
    .number()
    .nonnegative()
    .max(max, `must be at most ${max}: prices are written in units of the currency, such as 0.04`)
    .transform((value, context) => {
      const micros = toMicros(value)
      if (micros !== null) return micros
      context.addIssue({ code: 'custom', message: 'must have six decimals at most' })
      return z.NEVER
    })
}

/** Goes by the digits, since 1.1 * 1,000,000 is not a whole number. Null: finer than a millionth. */
export function toMicros(value: number): number | null {
  const [, whole = '', decimals = ''] = /^(\d+)(?:\.(\d{1,6}))?$/.exec(String(value)) ?? []
  return whole === '' ? null : Number(whole + decimals.padEnd(6, '0'))
}

const written = amount(largest.perMillionTokens).nullable()
const rate = written.default(null)
const imagePrice = amount(largest.perImage)

const perImage = z
  .strictObject({
    quality: z
      .string()
      .refine(
        (text) => qualities.some((each) => isSame(each, text)),
        `must be one of ${qualities.join(', ')}`,
      )
      .nullable()
      .optional(),
    size: sizeText.nullable().optional(),
    price: imagePrice,
  })
  .transform(({ price, ...image }) => ({ ...image, micros: price }))

/** A price list of a model, as an operator writes it. */
export const priceEntry = z
  .strictObject({
    from: z.iso.date(),
    currency: currencyCode,
    textInput: rate,
    imageInput: rate,
    textOutput: rate,
    imageOutput: rate,
    cachedTextInput: written.optional(),
    cachedImageInput: written.optional(),
    perImage: z.array(perImage).default([]),
    megapixels: z
      .strictObject({ first: imagePrice, further: imagePrice, largest: z.int().min(1).max(1_000) })
      .optional(),
    source: z.string().min(1).default('configuration'),
  })
  .refine(
    ({ textInput, imageInput, textOutput, imageOutput, perImage, megapixels }) =>
      [textInput, imageInput, textOutput, imageOutput].some((rate) => rate !== null) ||
      perImage.length > 0 ||
      megapixels !== undefined,
    'has no price: give rates, perImage or megapixels',
  )
  .refine(
    ({ perImage, megapixels }) => perImage.length === 0 || megapixels === undefined,
    'has both perImage and megapixels: give one of them',
  )

/** Two lists from the same day: one of them would have no effect. */
export const priceEntries = z
  .array(priceEntry)
  .refine(
    (rows) => new Set(rows.map(({ from }) => from)).size === rows.length,
    'two price lists begin on the same day',
  )
