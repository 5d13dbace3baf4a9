import type { DatabaseTimeouts } from '../../../src/database/database.ts'
import { hangMs, waitMs } from '../limits.ts'

/** For a PostgreSQL server on a busy machine: a crowd waits for a connection, a lock or an answer as long as it takes. */
export const patientDatabase = {
  poolWaitMs: waitMs,
  lockMs: waitMs,
  statementMs: waitMs,
  transactionMs: waitMs,
  queryMs: hangMs,
} satisfies Partial<DatabaseTimeouts>
