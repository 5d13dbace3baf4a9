import type { ReportedUsage } from '../catalogue/reported-usage.ts'

/**
 * What is known about a call that brought no image, and so what may follow it:
 *
 *   UNSENT   provably no byte of the request left: it may be sent, here or elsewhere.
 *   REFUSED  the upstream documents this answer as "not executed": likewise.
 *   FAILED   executed, or answered without a usable image: never sent again.
 *   UNKNOWN  bytes left and no clear answer came back; maybe paid: never sent again.
 */
export type Certainty = 'UNSENT' | 'REFUSED' | 'FAILED' | 'UNKNOWN'

/** Also for one that was kept as JSON: without a known certainty it may be paid. */
export function mayBePaid(certainty: string | undefined): boolean {
  return certainty !== 'UNSENT' && certainty !== 'REFUSED'
}

/** google.rpc.Code by name. */
export const rpcCodes = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type RpcStatus = keyof typeof rpcCodes

interface Meaning {
  status: RpcStatus
  /** Whether the same request, sent as a new operation, may succeed. Whether Easel may resend it is `certainty`. */
  retryable: boolean
  message: string
}

export const failureReasons = {
  CONTENT_REFUSED: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    message: 'The provider refused the content of this request.',
  },
  RATE_LIMITED: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: true,
    message: 'The provider limits how many requests it takes at the moment.',
  },
  QUOTA_EXHAUSTED: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: false,
    message: "The quota or credit at the provider is used up. The gateway's operator can raise it.",
  },
  UPSTREAM_UNAVAILABLE: {
    status: 'UNAVAILABLE',
    retryable: true,
    message: 'The provider is not available at the moment.',
  },
  UPSTREAM_AUTH: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    message: "The provider did not accept the gateway's credentials. The gateway's operator can mend that.",
  },
  UPSTREAM_INVALID_REQUEST: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    message: 'The provider did not accept the request.',
  },
  UPSTREAM_MODEL_NOT_FOUND: {
    status: 'NOT_FOUND',
    retryable: false,
    message: 'The provider does not have this model, or no longer.',
  },
  UPSTREAM_FAILED: { status: 'INTERNAL', retryable: true, message: 'The provider failed to make the image.' },
  UPSTREAM_INVALID_RESPONSE: {
    status: 'INTERNAL',
    retryable: true,
    message: 'The provider gave an answer that cannot be read.',
  },
  UPSTREAM_RESPONSE_TOO_LARGE: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: false,
    message: "The provider's answer is larger than the gateway takes.",
  },
  UPSTREAM_INVALID_RESULT: {
    status: 'INTERNAL',
    retryable: true,
    message: 'The provider sent something that is not a usable image.',
  },
  UPSTREAM_RESULT_UNREACHABLE: {
    status: 'UNAVAILABLE',
    retryable: true,
    message: "The provider's image could not be fetched from the address it gave.",
  },
  UPSTREAM_OUTCOME_UNKNOWN: {
    status: 'UNKNOWN',
    retryable: true,
    message: 'The connection to the provider broke after the request was sent: the outcome is unknown.',
  },
  NO_IMAGE: {
    status: 'INTERNAL',
    retryable: true,
    message: 'The provider answered without an image.',
  },
  RESULT_EXPIRED: {
    status: 'NOT_FOUND',
    retryable: true,
    message: 'The provider no longer keeps the result of this operation.',
  },
  DEADLINE_EXCEEDED: {
    status: 'DEADLINE_EXCEEDED',
    retryable: true,
    message: 'The provider did not answer in time.',
  },
  CANCELLED: { status: 'CANCELLED', retryable: true, message: 'The call of the provider was cancelled.' },
} as const satisfies Record<string, Meaning>

export type FailureReason = keyof typeof failureReasons

/** Its key, its credit and its list of models: the next provider of the model has its own. */
const faultsOfOneProvider: readonly FailureReason[] = [
  'UPSTREAM_AUTH',
  'QUOTA_EXHAUSTED',
  'UPSTREAM_MODEL_NOT_FOUND',
]

export interface FailureDetails {
  certainty: Certainty
  reason: FailureReason
  /** More than the reason's own message; safe to show to the caller. */
  message?: string
  status?: RpcStatus
  retryable?: boolean
  retryAfterMs?: number | null
  details?: Record<string, unknown>[]
  upstreamCode?: string | null
  usage?: ReportedUsage | null
  cause?: unknown
}

/** A call of a provider that brought no image. Its message never holds a secret or a prompt. */
export class ProviderFailure extends Error {
  readonly certainty: Certainty
  readonly reason: FailureReason
  /** google.rpc.Code. */
  readonly code: number
  /** The name of that code. */
  readonly status: RpcStatus
  readonly details: Record<string, unknown>[]
  readonly retryable: boolean
  readonly retryAfterMs: number | null
  readonly upstreamCode: string | null
  readonly usage: ReportedUsage | null

  constructor(details: FailureDetails) {
    const meaning: Meaning = failureReasons[details.reason]
    super(details.message ?? meaning.message, { cause: details.cause })
    this.name = 'ProviderFailure'
    this.certainty = details.certainty
    this.reason = details.reason
    this.status = details.status ?? meaning.status
    this.code = rpcCodes[this.status]
    this.details = details.details ?? []
    this.retryable = details.retryable ?? meaning.retryable
    this.retryAfterMs = details.retryAfterMs ?? null
    this.upstreamCode = details.upstreamCode ?? null
    this.usage = details.usage ?? null
  }

  /** The upstream may have made, and charged for, what was asked for. */
  get mayBePaid(): boolean {
    return mayBePaid(this.certainty)
  }

  /** No clear answer came back. */
  get isOutcomeUnknown(): boolean {
    return this.certainty === 'UNKNOWN'
  }

  /** Whether the same provider may be sent the same request once more, after a while. */
  get maySendAgain(): boolean {
    return !this.mayBePaid && this.retryable
  }

  /** Whether another provider may be sent the request: what is amiss with one provider says nothing of the next. */
  get maySendElsewhere(): boolean {
    return !this.mayBePaid && (this.retryable || faultsOfOneProvider.includes(this.reason))
  }

  /** The same failure with some of it changed. */
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
      usage,
      cause,
    }
    return new ProviderFailure({ ...same, ...changes })
  }
}
