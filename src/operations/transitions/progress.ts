import type { Database } from '../../database/database.ts'
import { Prisma } from '../../database/generated/client.ts'
import type { OperationQueue } from '../../database/queue.ts'
import { retryConflicts } from '../../database/transaction.ts'
import { type AttemptEnd, settleAttempt } from './attempts.ts'
import { statusEvent } from './new-events.ts'
import { type Fence, transit, underLease } from './statement.ts'

export type Stage =
  | 'CALLING_PROVIDER'
  | 'WAITING_TO_RETRY'
  | 'WAITING_FOR_STORAGE'
  | 'WAITING_FOR_REPLICA'
  | 'RECONCILING'

/** Moves a running operation along, under its lease. */
export interface Progress {
  enter(lease: Fence, stage: Stage): Promise<void>
  /**
   * Gives the worker's place back until it is time: the queue holds the job, and until then nobody may claim the
   * operation. `attempt` is what became of the attempt before, if there was one.
   */
  putOff(lease: Fence, waitMs: number, attempt?: AttemptEnd): Promise<void>
  /** The same while images cannot be kept. Followers get one event when the wait begins. */
  waitForStorage(lease: Fence, waitMs: number, options: { isWaiting: boolean }): Promise<void>
  /** The same without an event and with the stage unchanged: the trouble is Easel's own. */
  putOffSilently(lease: Fence, waitMs: number): Promise<void>
  /**
   * Gives the operation back, so that any process may claim it at once; this one looks again after the wait. With a
   * `stage` followers get an event that says what the operation waits for.
   */
  leaveToOthers(lease: Fence, waitMs: number, stage?: Stage): Promise<void>
}

interface Step {
  /** The stage of the event that followers get; without it they get none. */
  stage?: Stage | undefined
  /** The lease is given back: nobody may claim it for `closedMs`, and its job comes after `waitMs`. */
  left?: { closedMs: number; waitMs: number }
  attempt?: AttemptEnd | undefined
}

export function createProgress(options: {
  database: Database
  queue: OperationQueue
  now: () => Date
}): Progress {
  const { database, queue, now } = options

  const move = async (lease: Fence, { stage, left, attempt }: Step): Promise<void> => {
    const at = now()
    const changes = [
      ...(stage
        ? [Prisma.sql`stage = ${stage}, modified_at = ${at}, last_sequence = last_sequence + 1`]
        : []),
      ...(left ? [Prisma.sql`lease_owner = NULL, lease_until = now() + ${milliseconds(left.closedMs)}`] : []),
    ]
    const job = left && (await queue.sending(lease.operationId, { afterMs: left.waitMs }))
    await retryConflicts(() =>
      transit(database.prisma, {
        moved: Prisma.sql`
          UPDATE operation SET ${Prisma.join(changes)} WHERE ${underLease(lease)} RETURNING *`,
        ...(attempt && { parts: { settled: settleAttempt(attempt, at) } }),
        ...(stage && { events: { list: [statusEvent('RUNNING', stage)], at } }),
        ...(job && { answer: Prisma.sql`${job} AS job` }),
      }),
    )
  }
  const close = (ms: number) => ({ closedMs: Math.ceil(ms), waitMs: Math.ceil(ms) })

  return {
    enter: (lease, stage) => move(lease, { stage }),
    putOff: (lease, waitMs, attempt) =>
      move(lease, { stage: 'WAITING_TO_RETRY', left: close(waitMs), attempt }),
    waitForStorage: (lease, waitMs, { isWaiting }) =>
      move(lease, { stage: isWaiting ? undefined : 'WAITING_FOR_STORAGE', left: close(waitMs) }),
    putOffSilently: (lease, waitMs) => move(lease, { left: close(waitMs) }),
    leaveToOthers: (lease, waitMs, stage) =>
      move(lease, { stage, left: { closedMs: 0, waitMs: Math.ceil(waitMs) } }),
  }
}

const milliseconds = (ms: number) => Prisma.sql`${`${ms} milliseconds`}::interval`
