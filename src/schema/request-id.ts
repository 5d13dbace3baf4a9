import { z } from 'zod'
import type { builder } from './builder.ts'

/** IETF draft Idempotency-Key and Stripe agree on 255 characters; printable ASCII also fits a header. */
export const requestIdRule = z
  .string()
  .regex(
    /^[\x21-\x7e]{1,255}$/,
    'A requestId is 1 to 255 printable ASCII characters without spaces, e.g. a UUID.',
  )

/** The field that each mutation has for it. */
export const requestIdField = (
  t: PothosSchemaTypes.InputFieldBuilder<typeof builder.$inferSchemaTypes, 'InputObject'>,
) =>
  t.id({
    validate: requestIdRule,
    description:
      'Makes this request safe to repeat: the same id with the same content gives the same operation, with other content the error IDEMPOTENCY_KEY_REUSED. 1 to 255 printable ASCII characters, e.g. a UUID. The header Idempotency-Key does the same.',
  })
