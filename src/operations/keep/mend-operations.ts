import type { Logger } from 'pino'
import type { Database, Prisma } from '../../database/database.ts'
import type { OperationQueue } from '../../database/queue.ts'
import { inTransaction } from '../../database/transaction.ts'
import { mayBePaid } from '../../providers/failure.ts'
import { readCertainty, readOperationError } from '../kept-failure.ts'
import { UnreadableColumn } from '../kept-json.ts'
import { internalFailure } from '../operation-error.ts'
import type { Finish } from '../transitions/finish-operation.ts'
import { endCheckBatch, type HalfEnded, loadHalfEnded, markChecked, readEnds } from './half-ended.ts'
import { fillEvents } from './missing-events.ts'

/**
 * Looks for operations whose end was committed by halves, as earlier versions could on a stalled database, and for
 * accepted ones whose reservation was not. What can be known is mended:
 *
 *   SUCCEEDED without money        it runs again from its spooled reply, and never calls the provider. Without a reply
 *                                  it ends RESULT_LOST, and the reservation is given back.
 *   FAILED, CANCELLED without money the rest of its end is written now.
 *   events that are missing        are written in their places, so that followers see the end.
 *   unfinished, nothing reserved   gets an empty reservation, without which it could not end.
 *
 * The rest is told to the operator, each operation once.
 */
export interface Mending {
  mendAll(signal: AbortSignal): Promise<void>
}

export interface MendingOptions {
  database: Database
  queue: Pick<OperationQueue, 'sendMissing'>
  finish: Finish
  /** After `partialImagesMs` retention removes some events of an operation. */
  retention: { partialImagesMs: number }
  now: () => Date
  log: Pick<Logger, 'info' | 'warn' | 'error'>
}

type Mended = 'RUNS_AGAIN' | 'ENDED' | 'EVENTS_WRITTEN' | 'CANNOT_BE_MENDED'

export function createMending(options: MendingOptions): Mending {
  const { database, now, retention } = options
  const { prisma } = database
  return {
    mendAll: async (signal) => {
      await reserveNothing(options)
      for (let isMore = true; isMore && !signal.aborted; ) {
        const ends = await readEnds(prisma, new Date(now().getTime() - retention.partialImagesMs))
        for (const { id, isWhole } of ends) if (!isWhole) await mend(options, id)
        const last = ends.at(-1)
        if (last) await markChecked(prisma, last)
        isMore = ends.length === endCheckBatch
      }
    },
  }
}

async function mend(options: MendingOptions, id: string): Promise<void> {
  const { database, queue, log } = options
  const mended = await inTransaction(database.prisma, async (tx) => {
    const operation = await loadHalfEnded(tx, id)
    return operation && mendIn(options, tx, operation)
  }).catch((error: unknown) => {
    if (!(error instanceof UnreadableColumn)) throw error
    log.error({ err: error, operationId: id }, 'an operation that ended by halves cannot be read')
    return null
  })
  if (mended === 'RUNS_AGAIN') await queue.sendMissing([id])
  if (mended === 'CANNOT_BE_MENDED')
    log.error(
      { operationId: id },
      'an operation ended by halves and cannot be mended: see its ledger and images',
    )
  else if (mended) log.warn({ operationId: id, mended }, 'mended an operation that had ended by halves')
}

async function mendIn(
  options: MendingOptions,
  tx: Prisma.TransactionClient,
  operation: HalfEnded,
): Promise<Mended> {
  const hasMoney = operation.ledger.includes('RELEASE')
  if (!hasMoney && operation.status === 'SUCCEEDED') return runAgain(tx, operation)
  if (!hasMoney) return endAgain(options, tx, operation)
  const isPaidFor = operation.usage !== null && operation.ledger.includes('CAPTURE')
  if (operation.status === 'SUCCEEDED' && !isPaidFor) return 'CANNOT_BE_MENDED'
  const settledAt = options.now()
  const { id: operationId } = operation
  await tx.attempt.updateMany({
    where: { operationId, state: { in: ['PREPARED', 'SENT', 'RESPONDED'] } },
    data: { state: 'SETTLED', settledAt },
  })
  await fillEvents(tx, operation, options.now())
  return 'EVENTS_WRITTEN'
}

/** Sets the operation back to the moment after the reply: its next owner reads the spool and sends nothing. */
async function runAgain(tx: Prisma.TransactionClient, operation: HalfEnded): Promise<Mended> {
  const [attempt] = operation.attempts
  if (!attempt) return 'CANNOT_BE_MENDED'
  await reopen(tx, operation)
  await tx.attempt.update({ where: { id: attempt.id }, data: { state: 'RESPONDED', settledAt: null } })
  return 'RUNS_AGAIN'
}

async function endAgain(
  { finish }: MendingOptions,
  tx: Prisma.TransactionClient,
  operation: HalfEnded,
): Promise<Mended> {
  const { status, attempts } = operation
  if (status !== 'FAILED' && status !== 'CANCELLED') return 'CANNOT_BE_MENDED'
  await reopen(tx, operation)
  const failure = readOperationError(operation) ?? internalFailure
  const outcome = { status, failure, paid: mayHaveBeenPaid(attempts[0]) }
  await finish.finishIn(tx, { operation: { ...operation, status: 'RUNNING' }, epoch: null, outcome })
  return 'ENDED'
}

/** The last sequence becomes that of the last event that exists, since the end is written and counted again. */
async function reopen(tx: Prisma.TransactionClient, operation: HalfEnded): Promise<void> {
  await tx.$executeRaw`
    UPDATE operation
       SET status = 'RUNNING', stage = 'RECONCILING', finished_at = NULL, response = NULL, error = NULL,
           lease_owner = NULL, lease_until = NULL, deadline_at = greatest(deadline_at, now()),
           last_sequence = ${operation.events.at(-1)?.sequence ?? 0}
     WHERE id = ${operation.id}::uuid`
  await fillEvents(tx, {
    ...operation,
    status: 'RUNNING',
    lastSequence: operation.events.at(-1)?.sequence ?? 0,
  })
}

function mayHaveBeenPaid(attempt: HalfEnded['attempts'][number] | undefined): boolean {
  if (!attempt?.sentAt) return false
  return mayBePaid(readCertainty(attempt.failure))
}

async function reserveNothing({ database, log }: MendingOptions): Promise<void> {
  const count = await database.prisma.$executeRaw`
    INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, tokens, cost_micros)
    SELECT o.id, 'RESERVE', 0, o.user_id, o.created_at::date, 0, 0 FROM operation o
     WHERE o.status IN ('QUEUED', 'RUNNING') AND o.created_at < now() - interval '1 minute'
       AND NOT EXISTS (SELECT FROM ledger_entry l WHERE l.operation_id = o.id AND l.kind = 'RESERVE')
    ON CONFLICT DO NOTHING`
  if (count > 0)
    log.warn({ operations: count }, 'operations were accepted by halves: nothing was reserved for them')
}
