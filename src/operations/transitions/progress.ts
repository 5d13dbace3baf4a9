import type { Database, Prisma } from '../../database/database.ts'
import type { OperationQueue } from '../../database/queue.ts'
import { inTransaction } from '../../database/transaction.ts'
import { type EventLog, statusEventType } from '../keep/operation-events.ts'
import { type Lease, LeaseLost } from '../run/operation-lease.ts'

export type Stage =
  | 'CALLING_PROVIDER'
  | 'WAITING_TO_RETRY'
  | 'WAITING_FOR_STORAGE'
  | 'WAITING_FOR_REPLICA'
  | 'RECONCILING'

/** Moves a running operation along, under its lease. */
export interface Progress {
  enter(lease: Lease, stage: Stage): Promise<void>
  /**
   * Gives the worker's place back until it is time: the queue holds the job, and until then nobody may claim the
   * operation. `settle` writes what became of an attempt in the same transaction.
   */
  putOff(
    lease: Lease,
    waitMs: number,
    settle?: (tx: Prisma.TransactionClient) => Promise<unknown>,
  ): Promise<void>
  /** The same while images cannot be kept; who follows is told when the wait begins, not at each look. */
  waitForStorage(lease: Lease, waitMs: number, options: { isWaiting: boolean }): Promise<void>
  /** The same without telling anybody: Easel itself is in trouble, and the stage is what it was. */
  putOffSilently(lease: Lease, waitMs: number): Promise<void>
  /**
   * To whoever can go on with it, at any time; this process looks at it again when the wait is over. With a stage its
   * user is told what it waits for.
   */
  leaveToOthers(lease: Lease, waitMs: number, stage?: Stage): Promise<void>
}

export function createProgress(options: {
  database: Database
  queue: OperationQueue
  events: EventLog
  now: () => Date
}): Progress {
  const { database, queue, events, now } = options
  const { prisma } = database

  const tell = async (tx: Prisma.TransactionClient, lease: Lease, stage: Stage) => {
    const at = now()
    const rows = await tx.$queryRaw<{ last: number }[]>`
      UPDATE operation SET stage = ${stage}, modified_at = ${at}, last_sequence = last_sequence + 1
       WHERE id = ${lease.operationId}::uuid AND lease_epoch = ${lease.epoch} AND status = 'RUNNING'
      RETURNING last_sequence AS last`
    if (!rows[0]) throw new LeaseLost()
    const event = { type: statusEventType, status: 'RUNNING', stage, payload: { kind: 'status' } } as const
    await events.append(tx, lease.operationId, rows[0].last - 1, [event], at)
  }

  /** Nobody may claim it for `closedMs`; its job comes after `waitMs`. */
  const leave = async (
    tx: Prisma.TransactionClient,
    { operationId, epoch }: Lease,
    { closedMs, waitMs }: { closedMs: number; waitMs: number },
  ) => {
    const left = await tx.$executeRaw`
      UPDATE operation SET lease_owner = NULL, lease_until = now() + ${`${closedMs} milliseconds`}::interval
       WHERE id = ${operationId}::uuid AND lease_epoch = ${epoch} AND status = 'RUNNING'`
    if (left === 0) throw new LeaseLost()
    await queue.send(tx, operationId, waitMs)
  }
  const close = (tx: Prisma.TransactionClient, lease: Lease, ms: number) =>
    leave(tx, lease, { closedMs: Math.ceil(ms), waitMs: Math.ceil(ms) })

  return {
    enter: (lease, stage) => inTransaction(prisma, (tx) => tell(tx, lease, stage)),
    putOff: (lease, waitMs, settle) =>
      inTransaction(prisma, async (tx) => {
        await tell(tx, lease, 'WAITING_TO_RETRY')
        await settle?.(tx)
        await close(tx, lease, waitMs)
      }),
    waitForStorage: (lease, waitMs, { isWaiting }) =>
      inTransaction(prisma, async (tx) => {
        if (!isWaiting) await tell(tx, lease, 'WAITING_FOR_STORAGE')
        await close(tx, lease, waitMs)
      }),
    putOffSilently: (lease, waitMs) => inTransaction(prisma, (tx) => close(tx, lease, waitMs)),
    leaveToOthers: (lease, waitMs, stage) =>
      inTransaction(prisma, async (tx) => {
        if (stage) await tell(tx, lease, stage)
        await leave(tx, lease, { closedMs: 0, waitMs: Math.ceil(waitMs) })
      }),
  }
}
