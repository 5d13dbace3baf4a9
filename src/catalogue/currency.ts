import { z } from 'zod'

/**
 * The currency of reports and budgets where nothing else is said, and of a record or an entry of the ledger where no
 * price is known.
 */
export const usualCurrency = 'USD'

/** An ISO 4217 code. Providers have units of their own too, so no list of known ones is asked. */
export const currencyCode = z.string().regex(/^[A-Z]{3}$/, 'must be three capital letters, such as USD')
