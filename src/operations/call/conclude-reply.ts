import { estimateFacts } from '../../catalogue/estimate-request.ts'
import type { ReportedUsage } from '../../catalogue/reported-usage.ts'
import type { UsageFigures } from '../../catalogue/usage-figures.ts'
import type { Prisma } from '../../database/database.ts'
import { ProviderFailure } from '../../providers/failure.ts'
import type { Usage } from '../../usage/usage.ts'
import type { Failpoint } from '../failpoint.ts'
import type { Spool } from '../keep/spool.ts'
import type { KeptFailure } from '../kept-failure.ts'
import * as failures from '../operation-error.ts'
import { CancelRequested } from '../run/operation-lease.ts'
import type { AttemptEnd, Attempts } from '../transitions/attempts.ts'
import type { Finish, Outcome } from '../transitions/finish-operation.ts'
import type { Progress } from '../transitions/progress.ts'
import { AccessLost, LeaseLost } from '../transitions/statement.ts'
import type { ReportAttempt } from './attempt-report.ts'
import type { Claim, EndedCall } from './claim.ts'
import { planNextTry } from './next-try.ts'
import { type Missing, type ReceivedReply, toMissing } from './receive-reply.ts'

/** Decides what follows from a reply, however it ended, and writes it in one transaction. */
export type ConcludeReply = (claim: Claim, call: EndedCall, reply: ReceivedReply) => Promise<void>

export interface ConcludeOptions {
  usage: Usage
  attempts: Attempts
  progress: Progress
  spool: Spool
  finish: Finish
  failpoint: Failpoint
  random: () => number
  reportAttempt: ReportAttempt
}

export function createConclude(options: ConcludeOptions): ConcludeReply {
  return async (claim, call, reply) => {
    const { spool, failpoint, reportAttempt } = options
    const failure = await new Conclusion(options, claim, call).draw(reply)
    reportAttempt({ ...endedAttempt(claim, call, reply), failure })
    await failpoint('finished')
    await spool.remove(call.attempt.id)
  }
}

function endedAttempt(
  { operation }: Claim,
  { attempt, model, ms }: EndedCall,
  { httpStatus, upstreamRequestId, end }: ReceivedReply,
) {
  const { provider, name } = model
  const facts = { operationId: operation.id, attemptId: attempt.id, provider, model: name }
  return { ...facts, httpStatus, upstreamRequestId, ms, error: end?.error ?? null }
}

class Conclusion {
  readonly #deps: ConcludeOptions
  readonly #claim: Claim
  readonly #call: EndedCall

  constructor(deps: ConcludeOptions, claim: Claim, call: EndedCall) {
    this.#deps = deps
    this.#claim = claim
    this.#call = call
  }

  /** Returns why the attempt brought no image; null where it brought one. */
  async draw(reply: ReceivedReply): Promise<KeptFailure | null> {
    // The reply on disk has what was lost: it is read again when Easel can take it over.
    if (reply.loss && this.#call.spooled) throw reply.loss.error
    if (reply.end) return this.#broken(reply, reply.end.error)
    return this.#whole(reply, { failure: failures.resultLost, isUnknown: false })
  }

  /** The reply is complete. Every requested image that it does not hold fails with `missing`. */
  async #whole(
    reply: ReceivedReply,
    missing: Missing,
    reported = reply.facts.usage,
  ): Promise<KeptFailure | null> {
    const { images, facts } = reply
    reply.complete(this.#call.request.n, missing)
    if (images.length === 0) {
      const failure = reply.failures[0]?.failure ?? missing.failure
      const taken = reported && this.#figure(reply, reported)
      return this.#end({ status: 'FAILED', failure, paid: true, taken }, reply)
    }
    const figures = this.#figure(reply, reported)
    const unknown = { images: reply.unknown, of: this.#call.request.n }
    return this.#end(
      { status: 'SUCCEEDED', images, failures: reply.failures, facts, figures, unknown },
      reply,
    )
  }

  /** What the reply took, as it reported it or as the tables say. */
  #figure({ facts, images }: ReceivedReply, reported: ReportedUsage | null): UsageFigures {
    const { model, request } = this.#call
    return this.#deps.usage.figure({
      reported,
      pricing: model.pricing,
      facts: {
        ...estimateFacts(request),
        images: images.length,
        size: facts.size ?? request.size,
        quality: facts.quality ?? request.quality,
      },
      at: this.#claim.operation.createdAt,
    })
  }

  /** The call ended early: try again where that is safe, else end with what is known. */
  async #broken(reply: ReceivedReply, error: unknown): Promise<KeptFailure | null> {
    const { lease, signal } = this.#claim
    if (lease.signal.reason instanceof LeaseLost) throw new LeaseLost()
    if (error instanceof AccessLost)
      return this.#end({ status: 'FAILED', failure: failures.accessRevoked, paid: this.#call.sent }, reply)
    const isCancelled = lease.signal.reason instanceof CancelRequested
    if (!(error instanceof ProviderFailure)) {
      if (!isCancelled) return this.#interrupted(error)
      return this.#end({ status: 'CANCELLED', failure: failures.cancelled, paid: this.#call.sent }, reply)
    }
    const paid = error.mayBePaid
    if (isCancelled) return this.#end({ status: 'CANCELLED', failure: failures.cancelled, paid }, reply)
    if (!paid) return this.#tryAgain(reply, error)
    // Shutting down: the next process asks the provider for the result, where the provider allows that.
    if (error.isOutcomeUnknown && signal.aborted) throw error
    return this.#whole(reply, toMissing(error), reply.facts.usage ?? error.usage)
  }

  /** An error of Easel's own. The next owner of the operation goes on from the state in the database. */
  async #interrupted(error: unknown): Promise<never> {
    const { attempts } = this.#deps
    // If the database is away, an unsent attempt stays SENT and ends as unknown. A sent one never becomes unsent.
    if (!this.#call.sent) await attempts.abandon(this.#claim.lease, this.#call.attempt.id).catch(() => {})
    throw error
  }

  async #tryAgain(reply: ReceivedReply, failure: ProviderFailure): Promise<KeptFailure | null> {
    const { progress, random } = this.#deps
    const { lease, settled } = this.#claim
    const waitMs = planNextTry(failure, {
      attempt: settled + 1,
      alternatives: this.#call.alternatives,
      timeLeftMs: lease.timeLeftMs(),
      random,
    })
    const described = failures.toOperationFailure(failure)
    if (waitMs === null) return this.#end({ status: 'FAILED', failure: described, paid: false }, reply)
    const end = this.#attemptEnd(reply, { ...described, certainty: failure.certainty })
    await progress.putOff(lease, waitMs, end)
    return described
  }

  async #end(outcome: Outcome, reply: ReceivedReply): Promise<KeptFailure | null> {
    const { operation, lease } = this.#claim
    const failure = outcome.status === 'SUCCEEDED' ? null : outcome.failure
    const attempt = this.#attemptEnd(reply, failure && { ...failure })
    await this.#deps.finish.finish({ operation, epoch: lease.epoch, outcome, attempt })
    return failure
  }

  #attemptEnd(
    { httpStatus, upstreamRequestId }: ReceivedReply,
    failure: Record<string, unknown> | null,
  ): AttemptEnd {
    const { id } = this.#call.attempt
    return { id, httpStatus, upstreamRequestId, failure: failure as Prisma.InputJsonObject | null }
  }
}
