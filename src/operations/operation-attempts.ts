import type { Database, Prisma } from '../database/database.ts'
import type { Attempt } from '../database/generated/client.ts'
import { inTransaction } from '../database/transaction.ts'
import type { JobHandle } from '../providers/providers.ts'
import { type Lease, LeaseLost } from './operation-lease.ts'

type Transaction = Prisma.TransactionClient

/** Moves attempts along PREPARED → SENT → RESPONDED → SETTLED (or ABANDONED), each time under the lease. */
export interface Attempts {
  prepare(lease: Lease, choice: { provider: string; model: string }): Promise<Attempt>
  /**
   * The point of no return: committed before a byte of a paid request leaves, and only while the lease holds by the
   * database's clock and nobody has cancelled. From here on the attempt is never sent again. Its reply will be in that
   * spool.
   */
  markSent(lease: Lease, attemptId: string, spoolId: string): Promise<void>
  /** Takes the mark back: this process knows that no byte left. */
  abandon(lease: Lease, attemptId: string): Promise<void>
  /** A job of the upstream, kept before anything is asked about it, whoever holds the lease by now. */
  addUpstreamJob(attemptId: string, job: JobHandle): Promise<void>
  /** The reply is whole on disk, in the spool of that name. */
  markResponded(lease: Lease, attemptId: string, facts: ResponseFacts & { spoolId: string }): Promise<void>
  /** The attempt is over without a result. Joins the transaction that says what follows, which checks the lease. */
  settle(tx: Transaction, attemptId: string, end: AttemptEnd): Promise<void>
}

export interface ResponseFacts {
  httpStatus: number | null
  upstreamRequestId: string | null
}

export interface AttemptEnd extends ResponseFacts {
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
    prepare: (lease, choice) =>
      inTransaction(prisma, async (tx) => {
        const { operationId, epoch: leaseEpoch } = lease
        await takeProvider(tx, lease, choice)
        await tx.attempt.updateMany({
          where: { operationId, state: 'PREPARED' },
          data: { state: 'ABANDONED', settledAt: now() },
        })
        const number = (await tx.attempt.count({ where: { operationId } })) + 1
        const data = { id: newId(), operationId, number, ...choice, leaseEpoch, createdAt: now() }
        return tx.attempt.create({ data })
      }),

    markSent: async ({ operationId, epoch }, attemptId, spoolId) => {
      const moved = await prisma.$executeRaw`
        WITH held AS (
          SELECT id FROM operation
           WHERE id = ${operationId}::uuid AND lease_epoch = ${epoch} AND lease_until > clock_timestamp()
             AND status = 'RUNNING' AND cancel_requested_at IS NULL
             FOR UPDATE)
        UPDATE attempt SET state = 'SENT', sent_at = now(), spool_id = ${spoolId} FROM held
         WHERE attempt.id = ${attemptId}::uuid AND attempt.operation_id = held.id AND attempt.state = 'PREPARED'`
      if (moved !== 1) throw new LeaseLost()
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

    markResponded: async ({ epoch }, attemptId, { httpStatus, upstreamRequestId, spoolId }) => {
      const moved = await prisma.$executeRaw`
        UPDATE attempt SET state = 'RESPONDED', responded_at = now(), http_status = ${httpStatus},
               upstream_request_id = ${upstreamRequestId}, spool_id = ${spoolId}
          FROM operation
         WHERE attempt.id = ${attemptId}::uuid AND attempt.state IN ('SENT', 'RESPONDED')
           AND operation.id = attempt.operation_id AND operation.lease_epoch = ${epoch}
           AND operation.status = 'RUNNING'`
      if (moved !== 1) throw new LeaseLost()
    },

    settle: async (tx, attemptId, { failure, httpStatus, upstreamRequestId }) => {
      await tx.attempt.updateMany({
        where: { id: attemptId, state: { in: ['PREPARED', 'SENT', 'RESPONDED'] } },
        data: {
          state: 'SETTLED',
          settledAt: now(),
          httpStatus,
          upstreamRequestId,
          ...(failure && { failure }),
        },
      })
    },
  }
}

/** What the jobs of an attempt are asked for by. An earlier version kept their ids alone. */
export function jobsOf({ upstreamJobs, upstreamOperationIds }: Attempt): JobHandle[] {
  if (upstreamJobs.length > 0) return upstreamJobs as unknown as JobHandle[]
  return upstreamOperationIds.map((id) => ({ id }))
}

async function takeProvider(
  tx: Transaction,
  { operationId, epoch }: Lease,
  { provider, model }: { provider: string; model: string },
): Promise<void> {
  const taken = await tx.$executeRaw`
    UPDATE operation SET provider = ${provider}, model = ${model}
     WHERE id = ${operationId}::uuid AND lease_epoch = ${epoch} AND status = 'RUNNING'`
  if (taken === 0) throw new LeaseLost()
}
