import type { Database } from '../../database/database.ts'
import { type Attempt, Prisma } from '../../database/generated/client.ts'
import { retryConflicts } from '../../database/transaction.ts'
import { isJobHandle, type JobHandle } from '../../providers/exchanges/job.ts'
import { statusEvent } from './new-events.ts'
import { AccessLost, type Fence, LeaseLost, transit, underLease } from './statement.ts'

/** Moves attempts along PREPARED → SENT → RESPONDED → SETTLED (or ABANDONED), each time under the lease. */
export interface Attempts {
  /** Makes an attempt and writes the event that a provider is called. An older attempt that was not sent is abandoned. */
  prepare(lease: Fence, choice: AttemptChoice): Promise<OpenAttempt>
  /**
   * The point of no return: committed before a byte of a paid request leaves, and only while the lease holds by the
   * database's clock and nobody has cancelled. Throws {@link AccessLost} where nothing may be sent for the user any more. From
   * here on the attempt is never sent again. Its reply will be in that
   * spool.
   */
  markSent(lease: Fence, attemptId: string, spoolId: string): Promise<void>
  /** Takes SENT back. Only for the process that marked it, and only if it sent no byte. */
  abandon(lease: Fence, attemptId: string): Promise<void>
  /** Keeps a job of the upstream before it is polled, even if another process holds the lease by now. */
  addUpstreamJob(attemptId: string, job: JobHandle): Promise<void>
  /** The reply is whole on disk, in the spool of that name. */
  markResponded(lease: Fence, attemptId: string, facts: ResponseFacts & { spoolId: string }): Promise<void>
}

/** What a call has to know of its attempt. */
export type OpenAttempt = Pick<
  Attempt,
  | 'id'
  | 'number'
  | 'state'
  | 'provider'
  | 'model'
  | 'spoolId'
  | 'upstreamOperationIds'
  | 'upstreamJobs'
  | 'upstreamRequestId'
  | 'httpStatus'
  | 'failure'
>

export interface AttemptChoice {
  provider: string
  model: string
  /** Whether followers get an event: not for a retry, which was announced when it was planned. */
  isTold: boolean
}

export interface ResponseFacts {
  httpStatus: number | null
  upstreamRequestId: string | null
}

/** What became of an attempt that is over. */
export interface AttemptEnd extends ResponseFacts {
  id: string
  failure: Prisma.InputJsonObject | null
}

export interface AttemptsOptions {
  database: Database
  newId: () => string
  now: () => Date
}

export function createAttempts({ database, newId, now }: AttemptsOptions): Attempts {
  const { prisma } = database
  return {
    prepare: async (lease, { provider, model, isTold }) => {
      const at = now()
      const id = newId()
      const told = Prisma.sql`, stage = 'CALLING_PROVIDER', modified_at = ${at}, last_sequence = last_sequence + 1`
      const { number } = await retryConflicts(() =>
        transit<{ number: number }>(prisma, {
          moved: Prisma.sql`
            UPDATE operation SET provider = ${provider}, model = ${model}${isTold ? told : Prisma.empty}
             WHERE ${underLease(lease)} RETURNING *`,
          parts: {
            given_up: Prisma.sql`
              UPDATE attempt SET state = 'ABANDONED', settled_at = ${at}
                FROM moved WHERE attempt.operation_id = moved.id AND attempt.state = 'PREPARED'`,
            prepared: Prisma.sql`
              INSERT INTO attempt (id, operation_id, number, provider, model, lease_epoch, created_at)
              SELECT ${id}::uuid, moved.id, (SELECT count(*) + 1 FROM attempt WHERE operation_id = moved.id),
                     moved.provider, moved.model, moved.lease_epoch, ${at}::timestamptz
                FROM moved RETURNING number`,
          },
          ...(isTold && { events: { list: [statusEvent('RUNNING', 'CALLING_PROVIDER')], at } }),
          answer: Prisma.sql`prepared.number`,
          from: Prisma.sql`CROSS JOIN prepared`,
        }),
      )
      return { id, number, provider, model, state: 'PREPARED', ...nothingKnown }
    },

    markSent: async ({ operationId, epoch }, attemptId, spoolId) => {
      const [mark] = await prisma.$queryRaw<{ isSent: boolean; hasAccess: boolean }[]>`
        WITH held AS (
          SELECT id, hold_access(user_id, api_key_id) AS has_access FROM operation
           WHERE id = ${operationId}::uuid AND lease_epoch = ${epoch} AND lease_until > clock_timestamp()
             AND status = 'RUNNING' AND cancel_requested_at IS NULL
             FOR UPDATE),
        sent AS (
          UPDATE attempt SET state = 'SENT', sent_at = now(), spool_id = ${spoolId} FROM held
           WHERE attempt.id = ${attemptId}::uuid AND attempt.operation_id = held.id AND attempt.state = 'PREPARED'
             AND held.has_access
          RETURNING attempt.id)
        SELECT EXISTS (SELECT FROM sent) AS "isSent", has_access AS "hasAccess" FROM held`
      if (mark?.hasAccess === false) throw new AccessLost()
      if (!mark?.isSent) throw new LeaseLost()
    },

    abandon: async ({ epoch }, attemptId) => {
      await prisma.$executeRaw`
        UPDATE attempt SET state = 'ABANDONED', settled_at = ${now()}, sent_at = NULL
          FROM operation
         WHERE attempt.id = ${attemptId}::uuid AND attempt.state IN ('PREPARED', 'SENT')
           AND operation.id = attempt.operation_id AND operation.lease_epoch = ${epoch}`
    },

    addUpstreamJob: async (attemptId, job) => {
      await prisma.attempt.update({
        where: { id: attemptId },
        data: { upstreamOperationIds: { push: job.id }, upstreamJobs: { push: job } },
      })
    },

    markResponded: async (lease, attemptId, { httpStatus, upstreamRequestId, spoolId }) => {
      const moved = await prisma.$executeRaw`
        UPDATE attempt SET state = 'RESPONDED', responded_at = now(), http_status = ${httpStatus},
               upstream_request_id = ${upstreamRequestId}, spool_id = ${spoolId}
          FROM operation
         WHERE attempt.id = ${attemptId}::uuid AND attempt.state IN ('SENT', 'RESPONDED')
           AND operation.id = attempt.operation_id AND ${underLease(lease)}`
      if (moved !== 1) throw new LeaseLost()
    },
  }
}

const nothingKnown = {
  spoolId: null,
  upstreamOperationIds: [],
  upstreamJobs: [],
  upstreamRequestId: null,
  httpStatus: null,
  failure: null,
}

/**
 * What the jobs of an attempt are asked for by. An earlier version kept their ids alone, which are also what is left of
 * handles that cannot be read: asking for a job costs nothing.
 */
export function jobsOf({ upstreamJobs, upstreamOperationIds }: OpenAttempt): JobHandle[] {
  const handles: unknown[] = upstreamJobs
  if (handles.length > 0 && handles.every(isJobHandle)) return handles
  return upstreamOperationIds.map((id) => ({ id }))
}

/** The part of a transition that writes what became of an attempt of the row that it `moved`. */
export function settleAttempt(
  { id, failure, httpStatus, upstreamRequestId }: AttemptEnd,
  at: Date,
): Prisma.Sql {
  return Prisma.sql`
    UPDATE attempt
       SET state = 'SETTLED', settled_at = ${at}, http_status = ${httpStatus},
           upstream_request_id = ${upstreamRequestId},
           failure = coalesce(${failure && JSON.stringify(failure)}::jsonb, attempt.failure)
      FROM moved
     WHERE attempt.id = ${id}::uuid AND attempt.operation_id = moved.id
       AND attempt.state IN ('PREPARED', 'SENT', 'RESPONDED')`
}

/**
 * The same at the end of the operation. Other open attempts are settled if they were sent, and abandoned if not.
 */
export function closeAttempts(last: AttemptEnd | null, at: Date): Prisma.Sql {
  const isLast = Prisma.sql`attempt.id = ${last?.id ?? null}::uuid`
  const failure = last?.failure ? JSON.stringify(last.failure) : null
  return Prisma.sql`
    UPDATE attempt
       SET state = CASE WHEN attempt.state = 'PREPARED' AND (${isLast}) IS NOT TRUE
                        THEN 'ABANDONED'::"AttemptState" ELSE 'SETTLED' END,
           settled_at = ${at},
           http_status = CASE WHEN ${isLast} THEN ${last?.httpStatus ?? null}::int ELSE attempt.http_status END,
           upstream_request_id = CASE WHEN ${isLast} THEN ${last?.upstreamRequestId ?? null}::text
                                      ELSE attempt.upstream_request_id END,
           failure = CASE WHEN ${isLast} THEN coalesce(${failure}::jsonb, attempt.failure) ELSE attempt.failure END
      FROM moved
     WHERE attempt.operation_id = moved.id AND attempt.state IN ('PREPARED', 'SENT', 'RESPONDED')`
}
