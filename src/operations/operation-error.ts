import { ProviderFailure } from '../providers/failure.ts'
import type { Hold } from '../providers/providers.ts'
import { type FailureReason, failureReasons } from '../reasons/failure-reasons.ts'
import { type RpcStatus, rpcCodes } from '../reasons/rpc-codes.ts'
import type { KeptFailure } from './kept-failure.ts'

/** Why an operation ended without success: google.rpc.Status, and what it means for the caller. */
export interface OperationFailure extends KeptFailure {
  status: RpcStatus
  reason: FailureReason
}

/** Takes status, retryability and message from the list of reasons; a more exact `message` replaces the listed one. */
export function createOperationFailure(reason: FailureReason, message?: string): OperationFailure {
  const { status, retryable, meaning } = failureReasons[reason]
  return {
    code: rpcCodes[status],
    status,
    message: message ?? meaning,
    details: [],
    reason,
    retryable,
    retryAfterMs: null,
  }
}

export const outcomeUnknown = createOperationFailure(
  'UPSTREAM_OUTCOME_UNKNOWN',
  'The connection to the provider was lost after the request had been sent, so nobody knows whether it was carried ' +
    'out. Easel does not send it again; you were not charged.',
)

/** The connection held. A 5xx may come from a proxy while the server behind it works, so the outcome is unknown too. */
function answered(status: number): OperationFailure {
  return createOperationFailure(
    'UPSTREAM_OUTCOME_UNKNOWN',
    `The provider answered with an error (${status}), so nobody knows whether the request was carried out. Easel does ` +
      'not send it again; you were not charged.',
  )
}

export const cancelled = createOperationFailure('CANCELLED', 'The operation was cancelled.')

export const deadlineExceeded = createOperationFailure(
  'DEADLINE_EXCEEDED',
  'The operation did not finish before its deadline. You were not charged.',
)

export const accessRevoked = createOperationFailure(
  'ACCESS_REVOKED',
  'The key was revoked, or the user disabled, before this was sent to a provider. You were not charged.',
)

/** The deadline passed while the storage was away: an image could not have been kept. */
export const storageUnavailable = createOperationFailure(
  'STORAGE_UNAVAILABLE',
  'The storage of the images could not be reached before the deadline, so no provider was asked. You were not charged.',
)

export const sourceMissing = createOperationFailure(
  'SOURCE_IMAGE_MISSING',
  'An image that this operation was to use is no longer kept. Upload it again.',
)

export const resultLost = createOperationFailure(
  'RESULT_LOST',
  'The provider answered, but the answer was lost before it could be kept. You were not charged.',
)

export const modelGone = createOperationFailure(
  'MODEL_GONE',
  'The model that this operation was accepted for is not configured any more. You were not charged.',
)

/** The provider may not be called within the time that the operation has left. */
export function providerHeld({ why, ms }: Hold): OperationFailure {
  const reason = why === 'OPEN' ? 'UPSTREAM_UNAVAILABLE' : 'RATE_LIMITED'
  return { ...createOperationFailure(reason), retryAfterMs: Math.ceil(ms) }
}

export const internalFailure = createOperationFailure(
  'INTERNAL',
  'Easel failed to carry out this operation. You were not charged.',
)

export function toOperationFailure(error: unknown): OperationFailure {
  if (!(error instanceof ProviderFailure)) return internalFailure
  if (error.isOutcomeUnknown) {
    const details = [{ upstreamReason: error.reason, message: error.message }]
    return { ...(error.answeredWith === null ? outcomeUnknown : answered(error.answeredWith)), details }
  }
  return {
    code: error.code,
    status: error.status,
    message: error.message,
    details: error.details,
    reason: error.reason,
    retryable: error.retryable,
    retryAfterMs: error.retryAfterMs,
  }
}
