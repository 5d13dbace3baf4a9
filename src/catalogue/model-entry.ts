import { z } from 'zod'
import { capabilityEntry } from './capabilities.ts'
import { operationKinds } from './operation-kind.ts'
import { priceEntries } from './price-entry.ts'

const text = z.string().min(1)

const definition = z.strictObject({
  name: text,
  upstreamName: text.optional(),
  description: text.optional(),
  /** The model of the preset whose rules it follows. */
  like: text.optional(),
  kinds: z.array(z.enum(operationKinds)).min(1).optional(),
  capabilities: capabilityEntry.optional(),
  prices: priceEntries.optional(),
  variationsThroughEdits: z.boolean().optional(),
})

/**
 * A model of the configuration: rules of its own, or those of a known model with changes. A text is the name of one
 * without changes; it is read before the rules, because a union would only say "Invalid input".
 */
export const modelEntry = z.preprocess(
  (value) => (typeof value === 'string' ? { name: value } : value),
  definition,
)

export type CustomModel = z.output<typeof definition>
