import { estimateEach, joinEstimates } from '../../catalogue/estimate-request.ts'
import type { ImageModel } from '../../catalogue/image-model.ts'
import { writeInput } from '../../catalogue/operation-input.ts'
import { toRequestParameters } from '../../catalogue/request-parameters.ts'
import type { Dimensions } from '../../catalogue/wire-size.ts'
import type { Database } from '../../database/database.ts'
import { databaseFailure, toUnavailable } from '../../database/database-failure.ts'
import type { Operation } from '../../database/generated/client.ts'
import { keepTrying } from '../../database/keep-trying.ts'
import type { OperationQueue } from '../../database/queue.ts'
import { inTransaction, retryConflicts } from '../../database/transaction.ts'
import { EaselError } from '../../errors.ts'
import type { Images } from '../../images/images.ts'
import type { ReservationRequest } from '../../usage/reservation.ts'
import type { Usage } from '../../usage/usage.ts'
import type { Failpoint } from '../failpoint.ts'
import { accept, acceptedTurn, type NewOperation } from '../transitions/accept.ts'
import type { OperationSources, StoredSource } from './operation-sources.ts'
import { findUsed, type SubmitRequest } from './submit-request.ts'

export interface Acceptance {
  operationId: string
  print: string
  models: [ImageModel, ...ImageModel[]]
  stored: StoredSource[]
}

export interface Accepted {
  operation: Operation
  /** False when another request used the request id first: then this is the operation of that request. */
  isNew: boolean
}

export type Accept = (request: SubmitRequest, acceptance: Acceptance) => Promise<Accepted>

export interface AcceptOptions {
  database: Database
  queue: OperationQueue
  images: Images
  usage: Usage
  sources: OperationSources
  operationTimeoutMs: number
  now: () => Date
  failpoint: Failpoint
}

/** How long a caller is kept waiting for a database that went away while its request was being accepted, */
const patienceMs = 5_000
/** and for the queue of a gateway that is starting. */
const openingMs = 30_000
/** How often a reservation is tried. A refusal counts only if its budget is still exceeded when it is explained. */
const maxTries = 3
/** When an operation of a user who has too many may have ended. */
const crowdedRetryMs = 5_000

/**
 * Writes an operation, its reservation and its job: all of them, or none. A connection that breaks during COMMIT leaves
 * open which of the two it was. Then the same rows are written again: if they are there, the unique key says so, and
 * says it only once the first transaction has ended, which a look would not.
 */
export function createAccept(options: AcceptOptions): Accept {
  const { database, queue, images, failpoint } = options

  const findCommitted = async (request: SubmitRequest, operationId: string): Promise<Accepted> => {
    const operation = await database.prisma.operation.findUnique({ where: { id: operationId } })
    if (operation) return { operation, isNew: true }
    const winner = await findUsed(database, request)
    if (!winner) throw new Error('An operation was neither written nor found')
    return { operation: winner, isNew: false }
  }

  const write = async (request: SubmitRequest, acceptance: Acceptance): Promise<Accepted> => {
    const { operationId } = acceptance
    try {
      const operation = await insert(options, request, acceptance)
      return operation ? { operation, isNew: true } : await findCommitted(request, operationId)
    } catch (error) {
      if (databaseFailure(error) !== 'DUPLICATE') throw error
      return findCommitted(request, operationId)
    }
  }

  /** The files that came with a request of which no operation was made. */
  const discard = async ({ operationId, stored }: Acceptance) => {
    if (stored.some((source) => source.stored)) await images.deleteImages({ operationId })
  }

  return async (request, acceptance) => {
    await failpoint('accepting')
    try {
      await queue.untilOpen(openingMs)
      const accepted = await keepTrying(() => write(request, acceptance), { forMs: patienceMs })
      if (!accepted.isNew) await discard(acceptance)
      await failpoint('accepted')
      return accepted
    } catch (error) {
      // Without an answer from the database the operation may exist and need its files; otherwise they are swept.
      if (databaseFailure(error) === null) await discard(acceptance)
      throw toUnavailable(error)
    }
  }
}

async function insert(
  options: AcceptOptions,
  request: SubmitRequest,
  { operationId, print, models, stored }: Acceptance,
): Promise<Operation | null> {
  const { database, queue, usage, sources, now, operationTimeoutMs } = options
  const { kind, userId, input, requestId } = request
  const [{ provider, name: model }] = models
  const at = now()
  const owner = { id: operationId, kind, userId, endUser: input.user, requestId, fingerprint: print }
  const apiKeyId = request.apiKey?.id ?? null
  const reservation = { operationId, userId, at, ...mostOf(request, { models, stored }, at) }
  request.admit({ images: input.n, tokens: reservation.tokens })
  const operation: NewOperation = {
    row: { ...owner, apiKeyId, input: writeInput(input), provider, model },
    at,
    timeoutMs: operationTimeoutMs,
    mostUnfinished: request.mostUnfinished,
    sources: sources.toWrite(stored, { operationId, userId, at }),
    reserving: usage.reserving(reservation),
    sending: await queue.sending(operationId, { turn: acceptedTurn }),
  }
  for (let tried = 1; ; tried++) {
    try {
      return await acceptNew({ database, sources }, operation, stored)
    } catch (error) {
      if (databaseFailure(error) === 'CROWDED') throw tooManyUnfinished(request.mostUnfinished)
      const refusal = await usage.explainRefusal(error, reservation)
      // Every budget has room now: another reservation ended between the refusal and its explanation.
      if (refusal || tried === maxTries) throw refusal ?? error
    }
  }
}

function tooManyUnfinished(most: number | null): EaselError {
  return new EaselError(
    'RATE_LIMITED',
    `This user has ${most} operations that are queued or run, and may not have more. Send it again when one has ended.`,
    { reason: 'TOO_MANY_UNFINISHED', allowed: most, retryAfterMs: crowdedRetryMs },
  )
}

/** Images that Easel already has are locked first, so that retention does not delete them meanwhile. */
function acceptNew(
  { database, sources }: Pick<AcceptOptions, 'database' | 'sources'>,
  operation: NewOperation,
  stored: StoredSource[],
): Promise<Operation | null> {
  const { prisma } = database
  if (operation.sources.named.length === 0) return retryConflicts(() => accept(prisma, operation))
  return inTransaction(prisma, async (tx) => {
    await sources.lock(tx, stored)
    return accept(tx, operation)
  })
}

interface Reserved {
  models: readonly Pick<ImageModel, 'id' | 'pricing'>[]
  stored: readonly { role: 'INPUT' | 'MASK'; image: Dimensions }[]
}

/** The most that any of the models it may run on can cost: what is reserved. */
export function mostOf(
  { kind, input }: Pick<SubmitRequest, 'kind' | 'input'>,
  { models, stored }: Reserved,
  at: Date,
): Pick<ReservationRequest, 'tokens' | 'costMicros' | 'currency' | 'costs'> {
  const take = (role: 'INPUT' | 'MASK') =>
    stored.filter((source) => source.role === role).map(({ image }) => image)
  const images = { images: take('INPUT'), mask: take('MASK')[0] ?? null }
  const each = estimateEach(models, { ...toRequestParameters(kind, input), ...images }, at)
  const { tokens, cost } = joinEstimates(each)
  const costs = models.map(({ id: model }, index) => {
    const own = each[index]?.cost
    return { model, most: own ? { micros: own.max, currency: own.currency } : null }
  })
  return { tokens: tokens.max, costMicros: cost?.max ?? 0, ...(cost && { currency: cost.currency }), costs }
}
