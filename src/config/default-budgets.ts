import { z } from 'zod'
import { currencyCode } from '../catalogue/currency.ts'
import { toMicros } from '../catalogue/price-entry.ts'

const period = z.enum(['DAY', 'MONTH', 'TOTAL'])

/** In units of the currency, as an operator writes it; it comes out in millionths. */
const amount = z
  .number()
  .nonnegative()
  .max(1_000_000_000)
  .transform((value, context) => {
    const micros = toMicros(value)
    if (micros !== null) return micros
    context.addIssue({ code: 'custom', message: 'must have six decimals at most' })
    return z.NEVER
  })

const budget = z.discriminatedUnion('unit', [
  z.strictObject({ period, unit: z.literal('TOKENS'), limit: z.int().nonnegative() }),
  z.strictObject({ period, unit: z.literal('MONEY'), limit: amount, currency: currencyCode.optional() }),
])

/** The budgets of new users: one for each period and unit, like those of a user. Limits are in tokens or millionths. */
export const defaultBudgets = z.array(budget).superRefine((budgets, context) => {
  budgets.forEach(({ period, unit }, index) => {
    const isTwice = budgets.slice(0, index).some((other) => other.period === period && other.unit === unit)
    if (isTwice) {
      const message = `the budget of ${unit} for ${period} is given twice`
      context.addIssue({ code: 'custom', path: [index], message })
    }
  })
})
