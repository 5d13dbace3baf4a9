import type { Logger } from 'pino'
import type { UsageFigures } from '../../catalogue/usage-figures.ts'
import type { Database } from '../../database/database.ts'
import { type Operation, Prisma } from '../../database/generated/client.ts'
import { inTransaction } from '../../database/transaction.ts'
import type { Images, StoredImage } from '../../images/images.ts'
import type { ReplyFacts } from '../../providers/reply.ts'
import type { Settled, Settlement } from '../../usage/settlement.ts'
import type { Usage } from '../../usage/usage.ts'
import type { Failpoint } from '../failpoint.ts'
import { imageEventType } from '../keep/image-event-type.ts'
import type { KeptFailure } from '../kept-failure.ts'
import type { ImageFailure, KeptResponse } from '../kept-response.ts'
import { type AttemptEnd, closeAttempts } from './attempts.ts'
import { type NewEvent, statusEvent } from './new-events.ts'
import { type Transition, transit, underLease } from './statement.ts'

export interface ResultImage {
  index: number
  stored: StoredImage
  revisedPrompt: string | null
}

export type Outcome =
  | {
      status: 'SUCCEEDED'
      images: ResultImage[]
      failures: ImageFailure[]
      facts: ReplyFacts
      figures: UsageFigures
      /** How many of the requested images (`of`) the provider may or may not have made. */
      unknown: { images: number; of: number }
    }
  /** `paid` = the provider may have carried the request out: the user pays nothing, the house books a loss. */
  | {
      status: 'FAILED' | 'CANCELLED'
      failure: KeptFailure
      paid: boolean
      /** The usage that the provider reported, if it did. */
      taken?: UsageFigures | null
    }

export interface FinishOptions {
  database: Database
  images: Images
  usage: Usage
  newId: () => string
  now: () => Date
  log: Pick<Logger, 'warn'>
  failpoint: Failpoint
}

export interface Ending {
  operation: EndingOperation
  /** The epoch of the lease; null in a transaction that has locked the operation's row. */
  epoch: number | null
  outcome: Outcome
  /** What became of the last attempt, where this process knows. */
  attempt?: AttemptEnd | undefined
}

/** What its end needs to know of an operation. */
export type EndingOperation = Pick<
  Operation,
  'id' | 'userId' | 'endUser' | 'provider' | 'model' | 'kind' | 'status'
>

export interface Finish {
  finish(ending: Ending): Promise<void>
  finishIn(tx: Transaction, ending: Ending): Promise<void>
}

type Transaction = Prisma.TransactionClient

/**
 * Ends an operation in one statement, and writes its usage record in the same transaction: the terminal state, its
 * images, its usage and money, its last events. The state is written once. Locks: the operation first, then its attempts,
 * then the user's spending.
 */
export function createFinish(options: FinishOptions): Finish {
  const { database, usage, now, failpoint, log } = options

  const finishIn = async (tx: Transaction, ending: Ending): Promise<void> => {
    const { operation, outcome } = ending
    const at = now()
    const settlement = settlementOf(operation, outcome, at)
    const transition = endOf(options, ending, { settlement, at })
    const { isReserved, isSettled, exceeded } = await transit<Settled>(tx, transition)
    if (!isReserved) throw new Error('An operation ends that never reserved')
    const { charge } = settlement
    if (charge && isSettled) await usage.record(tx, charge.owner, charge.figures)
    if (charge && exceeded) warnOfExcess(log, charge)
    await failpoint('finishing')
  }

  return {
    finishIn,
    finish: (ending) => inTransaction(database.prisma, (tx) => finishIn(tx, ending)),
  }
}

function endOf(
  { images, usage, newId }: FinishOptions,
  { operation, epoch, outcome, attempt }: Ending,
  { settlement, at }: { settlement: Settlement; at: Date },
): Transition {
  const list = endEvents(operation, outcome)
  const results = outcome.status === 'SUCCEEDED' ? outcome.images : []
  const places = results.map(({ index, stored, revisedPrompt }) => {
    const { id: operationId, userId } = operation
    const place = { id: newId(), operationId, userId, role: 'RESULT', position: index } as const
    return { stored, place: { ...place, createdAt: at, revisedPrompt } }
  })
  return {
    moved: end({ operation, epoch, outcome, at, eventCount: list.length }),
    parts: {
      ...(places.length > 0 && { recorded: images.writeImages(places) }),
      closed: closeAttempts(attempt ?? null, at),
      ...usage.settle(settlement),
    },
    events: { list, at, images: places.length > 0 ? Prisma.sql`recorded` : undefined },
    ...usage.settledAnswer(settlement),
  }
}

/** The user pays for images. A call that may have been paid for and brought none is the house's loss. */
function settlementOf(operation: EndingOperation, outcome: Outcome, at: Date): Settlement {
  if (outcome.status !== 'SUCCEEDED')
    return { charge: null, lost: outcome.paid ? (outcome.taken ?? { images: 1, of: 1 }) : null }
  const { id: operationId, userId, endUser, provider, model, kind } = operation
  const owner = { operationId, userId, endUser, provider, model, kind, at }
  return { charge: { owner, figures: outcome.figures }, lost: outcome.unknown }
}

function warnOfExcess(
  log: Pick<Logger, 'warn'>,
  { owner, figures }: NonNullable<Settlement['charge']>,
): void {
  const { operationId, provider, model } = owner
  const { totalTokens, costMicros } = figures
  log.warn(
    { code: 'ESTIMATE_EXCEEDED', operationId, provider, model, totalTokens, costMicros },
    'an operation took more than the most that was foreseen',
  )
}

function end(change: {
  operation: EndingOperation
  epoch: number | null
  outcome: Outcome
  at: Date
  eventCount: number
}): Prisma.Sql {
  const { operation, epoch, outcome, at, eventCount } = change
  const error = outcome.status === 'SUCCEEDED' ? null : JSON.stringify(outcome.failure)
  const response = outcome.status === 'SUCCEEDED' ? JSON.stringify(toResponse(outcome)) : null
  const fence =
    epoch === null
      ? Prisma.sql`id = ${operation.id}::uuid AND status IN ('QUEUED', 'RUNNING')`
      : underLease({ operationId: operation.id, epoch })
  return Prisma.sql`
    UPDATE operation
       SET status = ${outcome.status}::"OperationStatus", stage = ${outcome.status}, error = ${error}::jsonb,
           response = ${response}::jsonb, finished_at = ${at}, modified_at = ${at}, lease_owner = NULL,
           lease_until = NULL, last_sequence = last_sequence + ${eventCount}
     WHERE ${fence} RETURNING *`
}

function toResponse({ facts, failures }: Extract<Outcome, { status: 'SUCCEEDED' }>): KeptResponse {
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

function endEvents({ kind, status: before }: EndingOperation, outcome: Outcome): NewEvent[] {
  const { status } = outcome
  const last = statusEvent(status, status)
  const finalizing = { status: before, stage: 'FINALIZING' } as const
  if (outcome.status !== 'SUCCEEDED') {
    return [{ type: imageEventType(kind, 'failed'), ...finalizing, payload: { kind: 'failed' } }, last]
  }
  const { background, outputFormat, quality, size } = outcome.facts
  const facts = { background, outputFormat, quality, size }
  const completed = outcome.images.map(
    ({ index }, place): NewEvent => ({
      type: imageEventType(kind, 'completed'),
      ...finalizing,
      payload: { kind: 'image', index, facts, last: place === outcome.images.length - 1 },
      image: index,
    }),
  )
  return [...completed, last]
}
