import type { ReportedUsage } from '../catalogue/reported-usage.ts'
import type { FailureMeaning } from '../reasons/meaning.ts'
import { providerReasons } from '../reasons/provider-reasons.ts'
import type { ProviderReason } from '../reasons/reasons.ts'
import { type RpcStatus, rpcCodes } from '../reasons/rpc-codes.ts'

/**
 * What is known about a call that brought no image, and so what may follow it:
 *
 *   UNSENT   provably no byte of the request left: it may be sent, here or elsewhere.
 *   REFUSED  the upstream documents this answer as "not executed": likewise.
 *   FAILED   executed, or answered without a usable image: never sent again.
 *   UNKNOWN  bytes left and no clear answer came back; maybe paid: never sent again.
 */
export type Certainty = 'UNSENT' | 'REFUSED' | 'FAILED' | 'UNKNOWN'

/** Takes the certainty of a kept failure as well: without a known one the call may be paid for. */
export function mayBePaid(certainty: string | undefined): boolean {
  return certainty !== 'UNSENT' && certainty !== 'REFUSED'
}

/** Faults of one provider's key, credit or list of models. The next provider of the model has its own. */
const faultsOfOneProvider: readonly ProviderReason[] = [
  'UPSTREAM_AUTH',
  'QUOTA_EXHAUSTED',
  'UPSTREAM_MODEL_NOT_FOUND',
]

export interface FailureDetails {
  certainty: Certainty
  reason: ProviderReason
  /** More than the reason's own message; safe to show to the caller. */
  message?: string
  status?: RpcStatus
  retryable?: boolean
  retryAfterMs?: number | null
  details?: Record<string, unknown>[]
  upstreamCode?: string | null
  /** The HTTP status, where the upstream answered with an error. */
  answeredWith?: number | null
  usage?: ReportedUsage | null
  cause?: unknown
}

/** A call of a provider that brought no image. Its message never holds a secret or a prompt. */
export class ProviderFailure extends Error {
  readonly certainty: Certainty
  readonly reason: ProviderReason
  /** google.rpc.Code. */
  readonly code: number
  /** The name of that code. */
  readonly status: RpcStatus
  readonly details: Record<string, unknown>[]
  readonly retryable: boolean
  readonly retryAfterMs: number | null
  readonly upstreamCode: string | null
  readonly answeredWith: number | null
  readonly usage: ReportedUsage | null

  constructor(details: FailureDetails) {
    const meaning: FailureMeaning = providerReasons[details.reason]
    super(details.message ?? meaning.meaning, { cause: details.cause })
    this.name = 'ProviderFailure'
    this.certainty = details.certainty
    this.reason = details.reason
    this.status = details.status ?? meaning.status
    this.code = rpcCodes[this.status]
    this.details = details.details ?? []
    this.retryable = details.retryable ?? meaning.retryable
    this.retryAfterMs = details.retryAfterMs ?? null
    this.upstreamCode = details.upstreamCode ?? null
    this.answeredWith = details.answeredWith ?? null
    this.usage = details.usage ?? null
  }

  /** The upstream may have carried out the request and charged for it. */
  get mayBePaid(): boolean {
    return mayBePaid(this.certainty)
  }

  /** No clear answer came back. */
  get isOutcomeUnknown(): boolean {
    return this.certainty === 'UNKNOWN'
  }

  /** Whether the request may be sent to the same provider again, after a pause. */
  get maySendAgain(): boolean {
    return !this.mayBePaid && this.retryable
  }

  /** Whether the fault is one of this provider's key, credit or models, and would stop the next call too. */
  get isOfThisProvider(): boolean {
    return faultsOfOneProvider.includes(this.reason)
  }

  /** Whether the request may be sent to another provider, which may not have the fault of this one. */
  get maySendElsewhere(): boolean {
    return !this.mayBePaid && (this.retryable || this.isOfThisProvider)
  }

  /** A copy of the failure with changes. */
  but(changes: Partial<FailureDetails>): ProviderFailure {
    const {
      certainty,
      reason,
      message,
      status,
      retryable,
      retryAfterMs,
      details,
      upstreamCode,
      answeredWith,
      usage,
      cause,
    } = this
    const same = {
      certainty,
      reason,
      message,
      status,
      retryable,
      retryAfterMs,
      details,
      upstreamCode,
      answeredWith,
      usage,
      cause,
    }
    return new ProviderFailure({ ...same, ...changes })
  }
}
