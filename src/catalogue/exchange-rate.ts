import { z } from 'zod'
import { currencyCode, usualCurrency } from './currency.ts'

/** One unit of `from` is `rate` units of `to`, from a day (UTC) on, until the next row of the same two currencies. */
export interface ExchangeRate {
  from: string
  to: string
  /** A decimal in digits: a float would not hold it. */
  rate: string
  /** `YYYY-MM-DD` */
  since: string
}

/** How amounts of several currencies are compared. Without a rate they are not. */
export interface MoneyRules {
  /** That of reports, and of budgets that name none. */
  currency: string
  rates: readonly ExchangeRate[]
}

export const plainMoney: MoneyRules = { currency: usualCurrency, rates: [] }

/** The rates of one moment: by the currency that was paid in, then by the one that is asked for. */
export type RateTable = Readonly<Record<string, Readonly<Record<string, string>>>>

/** More digits than these get lost in a number of YAML. */
const exactDigits = 15

const decimal = z
  .union([z.number(), z.string()], 'must be a number such as 0.0105')
  .transform((value, context) => {
    const text = String(value)
    const isExact = typeof value === 'string' || text.replace(/\D/g, '').length <= exactDigits
    if (/^\d{1,7}(\.\d{1,12})?$/.test(text) && /[1-9]/.test(text) && isExact) return text
    const message = isExact
      ? 'must be above 0 and below 10,000,000, with twelve decimals at most'
      : `must be a text, in quotes: a number loses digits beyond ${exactDigits}`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })

const rateEntry = z
  .strictObject({ from: currencyCode, to: currencyCode, rate: decimal, since: z.iso.date() })
  .refine(({ from, to }) => from !== to, { path: ['to'], message: 'must be another currency than from' })

/** The section `money` of a configuration. */
export const moneyEntry = z.strictObject({
  currency: currencyCode.default(usualCurrency),
  rates: z
    .array(rateEntry)
    .default([])
    .superRefine((rates, context) => {
      rates.forEach(({ from, to, since }, index) => {
        const isTwice = rates
          .slice(0, index)
          .some((other) => other.from === from && other.to === to && other.since === since)
        if (isTwice) {
          const message = `the rate from ${from} to ${to} since ${since} is given twice`
          context.addIssue({ code: 'custom', path: [index], message })
        }
      })
    }),
})

/** The rates that hold on a day (UTC). A rate is for one direction: nothing is turned round or chained. */
export function ratesAt(rates: readonly ExchangeRate[], at: Date): RateTable {
  const day = at.toISOString().slice(0, 10)
  const table: Record<string, Record<string, string>> = {}
  for (const { from, to, rate, since } of rates.toSorted((one, other) =>
    one.since < other.since ? -1 : 1,
  )) {
    if (since <= day) table[from] = { ...table[from], [to]: rate }
  }
  return table
}
