import type { Logger } from 'pino'
import type { ImageModel } from '../../catalogue/image-model.ts'
import type { Hold, Providers } from '../../providers/providers.ts'
import { chooseModel, findCandidates } from '../accept/model-choice.ts'
import type { AttemptCall } from '../call/attempt-call.ts'
import type { ReportAttempt } from '../call/attempt-report.ts'
import type { Claim } from '../call/claim.ts'
import type { Failpoint } from '../failpoint.ts'
import { sharedSpoolId } from '../keep/shared-spool.ts'
import type { Spool, SpooledReply } from '../keep/spool.ts'
import { type KeptFailure, readAttemptFailure } from '../kept-failure.ts'
import * as failures from '../operation-error.ts'
import type { Attempts, OpenAttempt } from '../transitions/attempts.ts'
import type { Finish } from '../transitions/finish-operation.ts'
import type { Progress } from '../transitions/progress.ts'
import { LeaseLost } from '../transitions/statement.ts'
import type { Lease, Leases } from './operation-lease.ts'
import { type RequestSources, SourceMissing } from './request-sources.ts'

/*
 * What is done next for an operation that this process claimed. The states and what moves between them:
 * transitions/statement.ts.
 */

export interface RunOptions {
  providers: Providers
  leases: Leases
  attempts: Attempts
  progress: Progress
  spool: Spool
  sources: RequestSources
  attemptCall: AttemptCall
  finish: Finish
  reportAttempt: ReportAttempt
  isStorageUp: () => Promise<boolean>
  failpoint: Failpoint
  now: () => Date
  log: Pick<Logger, 'warn' | 'error'>
}

/** A reply on disk that Easel cannot process is tried again until this long after the deadline. */
const giveUpMs = 24 * 3600 * 1000
/** A complete reply on a machine that is away is waited for until this long after the deadline. */
const awayMs = 3600 * 1000
/** Where replies are shared, a process that died while receiving one gets this long to restart. */
const replicaReturnMs = 60_000
/** An operation is given up when more processes than this died while working on it: it is likely the cause. */
const maxDeadOwners = 10
const firstPauseMs = 1_000
const maxPauseMs = 60_000
/** How long an operation waits at most before it looks again whether images can be kept. */
const storagePauseMs = 15_000

/** Carries an operation on from its present state, if no other process does. */
export function createRun(options: RunOptions) {
  const { leases, failpoint, log } = options

  return async (operationId: string, shutdown: AbortSignal): Promise<void> => {
    const claimed = await leases.claim(operationId, shutdown)
    if (!claimed) return
    const { lease, operation, attempts, hasAccess, allowedModels } = claimed
    let isGivenBack = false
    try {
      await failpoint('claimed')
      const signal = AbortSignal.any([lease.signal, shutdown])
      const settled = attempts.filter(({ state }) => state === 'SETTLED').length
      const claim = { operation, lease, signal, settled, allowedModels }
      await new Run(options, claim).drive(attempts.at(-1), hasAccess)
      isGivenBack = true
    } catch (error) {
      if (shutdown.aborted && !(error instanceof LeaseLost)) {
        log.warn({ operationId }, 'an operation was interrupted: it goes on in another process')
        throw error
      }
      await putOff(options, lease, error).catch(ignoreLost(options, lease))
    } finally {
      await lease.release({ isGivenBack })
    }
  }
}

/** The longer the trouble lasts, the longer the pauses. */
async function putOff({ progress, log }: RunOptions, lease: Lease, error: unknown): Promise<void> {
  if (error instanceof LeaseLost) throw error
  const waitMs = pauseMs(lease)
  log.error(
    { err: error, operationId: lease.operationId, waitMs },
    'an operation cannot go on: putting it off',
  )
  await progress.putOffSilently(lease, waitMs)
}

const pauseMs = ({ ageMs }: Lease) => Math.min(maxPauseMs, Math.max(firstPauseMs, ageMs / 10))

function ignoreLost({ log }: RunOptions, { operationId, epoch }: Lease): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof LeaseLost)) throw error
    log.warn({ operationId, epoch }, 'lost an operation: it has ended, or has a new owner')
  }
}

/** One claim of one operation. */
class Run {
  readonly #deps: RunOptions
  readonly #claim: Claim
  #last: OpenAttempt | undefined

  constructor(deps: RunOptions, claim: Claim) {
    this.#deps = deps
    this.#claim = claim
  }

  async drive(last: OpenAttempt | undefined, hasAccess: boolean): Promise<void> {
    const { operation, lease } = this.#claim
    this.#last = last
    if (lease.deadOwners > maxDeadOwners) return this.#giveUp(last)
    if (last?.state === 'RESPONDED') return this.#readSpooled(last)
    if (last?.state === 'SENT') return this.#reconcile(last)
    if (operation.cancelRequestedAt) return this.#end('CANCELLED', failures.cancelled)
    if (!hasAccess) return this.#end('FAILED', failures.accessRevoked)
    if (lease.timeLeftMs() <= 0) return this.#end('FAILED', this.#tooLate())
    if (!(await this.#deps.isStorageUp())) return this.#waitForStorage()
    await this.#callProvider()
  }

  /** The storage is away: an image that is paid for now could not be kept. */
  async #waitForStorage(): Promise<void> {
    const { lease } = this.#claim
    const waitMs = Math.min(pauseMs(lease), storagePauseMs, Math.max(firstPauseMs, lease.timeLeftMs()))
    await this.#deps.progress.waitForStorage(lease, waitMs, { isWaiting: this.#isWaitingForStorage() })
  }

  #isWaitingForStorage(): boolean {
    return this.#claim.operation.stage === 'WAITING_FOR_STORAGE'
  }

  #tooLate(): KeptFailure {
    if (this.#isWaitingForStorage()) return failures.storageUnavailable
    // The deadline passed between two attempts: the failure of the last one says more than DEADLINE_EXCEEDED.
    const failed = this.#last?.state === 'SETTLED' ? this.#readFailure(this.#last) : null
    return failed ?? failures.deadlineExceeded
  }

  /** A failure that cannot be read must not keep the operation from its end. */
  #readFailure(attempt: OpenAttempt): KeptFailure | null {
    try {
      return readAttemptFailure(attempt)
    } catch (error) {
      this.#deps.log.error({ err: error, operationId: this.#claim.operation.id }, 'a failure cannot be read')
      return null
    }
  }

  async #callProvider(): Promise<void> {
    const { providers, sources, attempts, attemptCall, failpoint } = this.#deps
    const { operation, lease, settled, allowedModels } = this.#claim
    const loaded = await sources.load(operation, operation.model).catch(ignoreMissing)
    if (!loaded) return this.#end('FAILED', failures.sourceMissing)
    const models = findCandidates(providers, { ...operation, allowedModels }, loaded)
    const model = chooseModel(providers, models, settled)
    if (!model) return this.#end('FAILED', failures.modelGone)
    // The first call of each provider is no repetition for it, however many others refused the request before.
    const entry = providers.health(model.provider).enter({ isRetry: settled >= models.length })
    if ('why' in entry) return this.#waitForProvider(entry)
    using passage = entry
    const request = { ...loaded, model: model.name }
    const isTold = settled === 0 || this.#isWaitingForStorage()
    const { provider, name } = model
    const attempt = await attempts.prepare(lease, { provider, model: name, isTold })
    Object.assign(operation, { provider, model: name })
    await failpoint('prepared')
    const call = { attempt, model, request, alternatives: models.length }
    await attemptCall.send(this.#claim, call, passage)
  }

  async #waitForProvider(hold: Hold): Promise<void> {
    const { lease } = this.#claim
    if (hold.ms >= lease.timeLeftMs()) return this.#end('FAILED', failures.providerHeld(hold))
    return this.#deps.progress.putOff(lease, hold.ms)
  }

  /** After a crash: the attempt was sent and may be paid for. */
  async #reconcile(attempt: OpenAttempt): Promise<void> {
    const { providers, spool, sources, attempts, progress, attemptCall } = this.#deps
    const { operation, lease } = this.#claim
    const reply = await spool.find(attempt.id)
    if (reply?.isWhole) {
      const spoolId = reply.isShared ? sharedSpoolId : await spool.id()
      const facts = { httpStatus: null, upstreamRequestId: null, spoolId }
      await attempts.markResponded(lease, attempt.id, facts)
      return this.#readSpooled(attempt)
    }
    if (operation.cancelRequestedAt) return this.#end('CANCELLED', failures.cancelled, { paid: true })
    const model = providers.find(`${attempt.provider}/${attempt.model}`)
    if (model?.idempotency === 'lookup' && attempt.upstreamOperationIds.length > 0) {
      await progress.enter(lease, 'RECONCILING')
      const request = await sources.recall(operation, model.name)
      return attemptCall.resume(this.#claim, { attempt, model, request, alternatives: 1 })
    }
    if (model && reply) return this.#replay(attempt, model, reply)
    if (lease.timeLeftMs() > 0) {
      if (!model) return progress.leaveToOthers(lease, pauseMs(lease))
      if ((await this.#isElsewhere(attempt)) && !this.#isGoneForGood()) return this.#leaveToItsReplica()
    }
    return this.#end('FAILED', failures.outcomeUnknown, { paid: true })
  }

  /** Reads a reply that is whole on disk, as if it arrived now. */
  async #readSpooled(attempt: OpenAttempt): Promise<void> {
    const { providers, spool, progress } = this.#deps
    const { lease } = this.#claim
    const model = providers.find(`${attempt.provider}/${attempt.model}`)
    const reply = await spool.find(attempt.id)
    const lateMs = -lease.timeLeftMs()
    if (model && reply && lateMs < giveUpMs) return this.#replay(attempt, model, reply)
    // The provider may be back in the configuration soon, and so may the machine that has the reply.
    if (reply && lateMs < giveUpMs) return progress.leaveToOthers(lease, pauseMs(lease))
    if (!reply && (await this.#isElsewhere(attempt)) && lateMs < awayMs) return this.#leaveToItsReplica()
    return this.#end('FAILED', failures.resultLost, { paid: true })
  }

  async #replay(attempt: OpenAttempt, model: ImageModel, reply: SpooledReply): Promise<void> {
    const { sources, attemptCall } = this.#deps
    const request = await sources.recall(this.#claim.operation, model.name)
    await attemptCall.replay(this.#claim, { attempt, model, request, alternatives: 1 }, reply)
  }

  async #isElsewhere({ spoolId }: OpenAttempt): Promise<boolean> {
    return spoolId !== null && spoolId !== sharedSpoolId && spoolId !== (await this.#deps.spool.id())
  }

  /** With shared replies the other machine can only have a part of one, so it is waited for a short time only. */
  #isGoneForGood(): boolean {
    const { spool, now } = this.#deps
    const { stage, modifiedAt } = this.#claim.operation
    const waitedMs = now().getTime() - modifiedAt.getTime()
    return spool.isShared && stage === 'WAITING_FOR_REPLICA' && waitedMs > replicaReturnMs
  }

  /** Followers get one event that the operation waits for the machine that has the reply. */
  #leaveToItsReplica(): Promise<void> {
    const { operation, lease } = this.#claim
    const isTold = operation.stage === 'WAITING_FOR_REPLICA'
    const stage = isTold ? undefined : 'WAITING_FOR_REPLICA'
    return this.#deps.progress.leaveToOthers(lease, pauseMs(lease), stage)
  }

  async #giveUp(last: OpenAttempt | undefined): Promise<void> {
    const { operation, lease } = this.#claim
    const { operationId, deadOwners } = lease
    this.#deps.log.error(
      { operationId, deadOwners },
      'gave up an operation: process after process died at it',
    )
    if (operation.cancelRequestedAt)
      return this.#end('CANCELLED', failures.cancelled, { paid: wasSent(last) })
    const failure = wasSent(last) ? failures.resultLost : failures.internalFailure
    return this.#end('FAILED', failure, { paid: wasSent(last) })
  }

  async #end(
    status: 'FAILED' | 'CANCELLED',
    failure: KeptFailure,
    { paid }: { paid: boolean } = { paid: false },
  ): Promise<void> {
    const { operation, lease } = this.#claim
    const outcome = { status, failure, paid }
    await this.#deps.finish.finish({ operation, epoch: lease.epoch, outcome })
    if (this.#last && wasSent(this.#last)) this.#report(this.#last, failure)
  }

  /** Logs an attempt that was sent and whose end no process saw. */
  #report(attempt: OpenAttempt, failure: KeptFailure): void {
    const { id: attemptId, provider, model, httpStatus, upstreamRequestId } = attempt
    const known = { attemptId, provider, model, httpStatus, upstreamRequestId }
    const operationId = this.#claim.operation.id
    this.#deps.reportAttempt({ operationId, ...known, ms: null, error: undefined, failure })
  }
}

const wasSent = (attempt: OpenAttempt | undefined) =>
  attempt?.state === 'SENT' || attempt?.state === 'RESPONDED'

function ignoreMissing(error: unknown): null {
  if (error instanceof SourceMissing) return null
  throw error
}
