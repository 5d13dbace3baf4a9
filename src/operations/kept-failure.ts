import { z } from 'zod'
import { readKept } from './kept-json.ts'

/** A failure as rows keep it. Its reason may be one that is no longer listed, or not yet. */
export interface KeptFailure {
  /** google.rpc.Code. */
  code: number
  /** The name of that code. */
  status: string
  message: string
  details: Record<string, unknown>[]
  reason: string
  /** Whether the same request, sent as a new operation, may succeed. */
  retryable: boolean
  retryAfterMs: number | null
}

export const keptFailure: z.ZodType<KeptFailure> = z.object({
  code: z.number(),
  status: z.string(),
  message: z.string(),
  details: z.array(z.record(z.string(), z.unknown())).default([]),
  reason: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.number().nullable().default(null),
})

const keptCertainty = z.object({ certainty: z.string() })

/** Why the operation failed; null where it did not. */
export function readOperationError({ id, error }: { id: string; error: unknown }): KeptFailure | null {
  return error === null ? null : readKept(keptFailure, error, { column: 'operation.error', row: id })
}

/** Why the attempt brought no image; null where it did, or is not over. */
export function readAttemptFailure({ id, failure }: { id: string; failure: unknown }): KeptFailure | null {
  return failure === null ? null : readKept(keptFailure, failure, { column: 'attempt.failure', row: id })
}

/** What was known of the attempt when it failed: it is kept beside the failure. */
export function readCertainty(failure: unknown): string | undefined {
  return keptCertainty.safeParse(failure).data?.certainty
}
