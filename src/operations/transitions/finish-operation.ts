import type { Logger } from 'pino'
import type { UsageFigures } from '../../catalogue/usage-figures.ts'
import type { Database, Prisma } from '../../database/database.ts'
import type { Operation } from '../../database/generated/client.ts'
import { inTransaction } from '../../database/transaction.ts'
import type { Images, StoredImage } from '../../images/images.ts'
import type { ReplyFacts } from '../../providers/reply.ts'
import type { Usage } from '../../usage/usage.ts'
import type { Failpoint } from '../failpoint.ts'
import { imageEventType } from '../keep/image-event-type.ts'
import { type EventFacts, type EventLog, type NewEvent, statusEventType } from '../keep/operation-events.ts'
import type { OperationFailure } from '../operation-error.ts'
import { LeaseLost } from '../run/operation-lease.ts'

export interface ResultImage {
  index: number
  stored: StoredImage
  revisedPrompt: string | null
}

export interface ImageFailure {
  index: number
  failure: OperationFailure
}

export type Outcome =
  | {
      status: 'SUCCEEDED'
      images: ResultImage[]
      failures: ImageFailure[]
      facts: ReplyFacts
      figures: UsageFigures
      /** Of the images asked for, those of which nobody knows whether the provider made them. */
      unknown: { images: number; of: number }
    }
  /** `paid` = the provider may have carried the request out: the user pays nothing, the house books a loss. */
  | { status: 'FAILED' | 'CANCELLED'; failure: OperationFailure; paid: boolean }

export interface FinishOptions {
  database: Database
  images: Images
  usage: Usage
  events: EventLog
  newId: () => string
  now: () => Date
  log: Pick<Logger, 'warn'>
  failpoint: Failpoint
}

export interface Ending {
  operation: Operation
  /** Of the lease it is ended under; null in a transaction that has locked the operation's row. */
  epoch: number | null
  outcome: Outcome
  /** Writes what became of the last attempt. */
  settleAttempt?: ((tx: Transaction) => Promise<unknown>) | undefined
}

export interface Finish {
  finish(ending: Ending): Promise<void>
  finishIn(tx: Transaction, ending: Ending): Promise<void>
}

type Transaction = Prisma.TransactionClient

/**
 * Ends an operation in one transaction: the terminal state, its images, its usage and money, its last events. The
 * state is written once. Locks: the operation first, then its attempts, then the user's spending.
 */
export function createFinish(options: FinishOptions): Finish {
  const { database, images, events, newId, now, failpoint } = options

  const finishIn = async (
    tx: Transaction,
    { operation, epoch, outcome, settleAttempt }: Ending,
  ): Promise<void> => {
    const at = now()
    const ended = endEvents(operation, outcome)
    const from = await end(tx, { operation, epoch, outcome, at, eventCount: ended.length })
    if (outcome.status === 'SUCCEEDED') {
      const ids = await recordImages(tx, operation, outcome.images, at)
      addImageIds(ended, ids)
    }
    await settleAttempt?.(tx)
    await settleMoney(options, tx, operation, { outcome, at })
    await tx.attempt.updateMany({
      where: { operationId: operation.id, state: { in: ['SENT', 'RESPONDED'] } },
      data: { state: 'SETTLED', settledAt: at },
    })
    await tx.attempt.updateMany({
      where: { operationId: operation.id, state: 'PREPARED' },
      data: { state: 'ABANDONED', settledAt: at },
    })
    await events.append(tx, operation.id, from, ended, at)
    await failpoint('finishing')
  }

  const recordImages = async (
    tx: Transaction,
    operation: Operation,
    results: ResultImage[],
    at: Date,
  ): Promise<string[]> => {
    const ids: string[] = []
    for (const { index, stored, revisedPrompt } of results) {
      const image = await images.record(tx, stored, {
        id: newId(),
        userId: operation.userId,
        operationId: operation.id,
        role: 'RESULT',
        position: index,
        createdAt: at,
        revisedPrompt,
      })
      ids.push(image.id)
    }
    return ids
  }

  return {
    finishIn,
    finish: (ending) => inTransaction(database.prisma, (tx) => finishIn(tx, ending)),
  }
}

/** The user pays for images; what may have been paid for and brought none is the house's loss. */
async function settleMoney(
  { usage, log }: FinishOptions,
  tx: Transaction,
  operation: Operation,
  { outcome, at }: { outcome: Outcome; at: Date },
): Promise<void> {
  const { id: operationId, userId, endUser, provider, model, kind } = operation
  if (outcome.status !== 'SUCCEEDED') {
    await (outcome.paid ? usage.releaseAsLoss(tx, { operationId }) : usage.release(tx, { operationId }))
    return
  }
  const owner = { operationId, userId, endUser, provider, model, kind, at }
  const { exceeded } = await usage.capture(tx, {
    ...owner,
    figures: outcome.figures,
    unknown: outcome.unknown,
  })
  if (!exceeded) return
  const { totalTokens, costMicros } = outcome.figures
  log.warn(
    { code: 'ESTIMATE_EXCEEDED', operationId, provider, model, totalTokens, costMicros },
    'an operation took more than the most that was foreseen',
  )
}

async function end(
  tx: Transaction,
  change: { operation: Operation; epoch: number | null; outcome: Outcome; at: Date; eventCount: number },
): Promise<number> {
  const { operation, epoch, outcome, at, eventCount } = change
  const error = outcome.status === 'SUCCEEDED' ? null : JSON.stringify(outcome.failure)
  const response = outcome.status === 'SUCCEEDED' ? JSON.stringify(toResponse(outcome)) : null
  const rows = await tx.$queryRaw<{ last: number }[]>`
    UPDATE operation
       SET status = ${outcome.status}::"OperationStatus", stage = ${outcome.status}, error = ${error}::jsonb,
           response = ${response}::jsonb, finished_at = ${at}, modified_at = ${at}, lease_owner = NULL,
           lease_until = NULL, last_sequence = last_sequence + ${eventCount}
     WHERE id = ${operation.id}::uuid AND status IN ('QUEUED', 'RUNNING')
       AND (${epoch}::int IS NULL OR lease_epoch = ${epoch}::int)
    RETURNING last_sequence AS last`
  if (!rows[0]) throw new LeaseLost()
  return rows[0].last - eventCount
}

/** What `Operation.response` shows beside the images and the usage. */
export interface StoredResponse extends EventFacts {
  created: number
  modelVersion: string | null
  failures: ImageFailure[]
}

function toResponse({ facts, failures }: Extract<Outcome, { status: 'SUCCEEDED' }>): StoredResponse {
  return {
    created: facts.created ?? 0,
    background: facts.background,
    outputFormat: facts.outputFormat,
    quality: facts.quality,
    size: facts.size,
    modelVersion: facts.modelVersion,
    failures,
  }
}

function endEvents(operation: Operation, outcome: Outcome): NewEvent[] {
  const { status } = outcome
  const running = { status: operation.status, stage: 'FINALIZING' } as const
  const last: NewEvent = { type: statusEventType, status, stage: status, payload: { kind: 'status' } }
  if (outcome.status !== 'SUCCEEDED') {
    return [{ type: imageEventType(operation.kind, 'failed'), ...running, payload: { kind: 'failed' } }, last]
  }
  const { background, outputFormat, quality, size } = outcome.facts
  const facts = { background, outputFormat, quality, size }
  const completed = outcome.images.map(
    ({ index }, position): NewEvent => ({
      type: imageEventType(operation.kind, 'completed'),
      ...running,
      payload: { kind: 'image', imageId: '', index, facts, last: position === outcome.images.length - 1 },
    }),
  )
  return [...completed, last]
}

function addImageIds(ended: NewEvent[], ids: string[]): void {
  ended.forEach(({ payload }, position) => {
    const imageId = ids[position]
    if (payload.kind === 'image' && imageId) payload.imageId = imageId
  })
}
