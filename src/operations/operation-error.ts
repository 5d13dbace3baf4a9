import { ProviderFailure } from '../providers/failure.ts'

/** Why an operation ended without success: google.rpc.Status, and what it means for the caller. Kept as JSON. */
export interface OperationFailure {
  /** google.rpc.Code. */
  code: number
  /** The name of that code, e.g. INVALID_ARGUMENT. */
  status: string
  message: string
  details: Record<string, unknown>[]
  /** SCREAMING_SNAKE, e.g. CONTENT_REFUSED. */
  reason: string
  /** Whether the same request, sent as a new operation, may succeed. */
  retryable: boolean
  retryAfterMs: number | null
}

export const outcomeUnknown: OperationFailure = {
  code: 2,
  status: 'UNKNOWN',
  message:
    'The connection to the provider was lost after the request had been sent, so nobody knows whether it was carried ' +
    'out. Easel does not send it again; you were not charged.',
  details: [],
  reason: 'UPSTREAM_OUTCOME_UNKNOWN',
  retryable: true,
  retryAfterMs: null,
}

export const cancelled: OperationFailure = {
  code: 1,
  status: 'CANCELLED',
  message: 'The operation was cancelled.',
  details: [],
  reason: 'CANCELLED',
  retryable: true,
  retryAfterMs: null,
}

export const deadlineExceeded: OperationFailure = {
  code: 4,
  status: 'DEADLINE_EXCEEDED',
  message: 'The operation did not finish before its deadline. You were not charged.',
  details: [],
  reason: 'DEADLINE_EXCEEDED',
  retryable: true,
  retryAfterMs: null,
}

/** The deadline passed while nothing that a provider makes could have been kept. */
export const storageUnavailable: OperationFailure = {
  code: 14,
  status: 'UNAVAILABLE',
  message:
    'The storage of the images could not be reached before the deadline, so no provider was asked. You were not charged.',
  details: [],
  reason: 'STORAGE_UNAVAILABLE',
  retryable: true,
  retryAfterMs: null,
}

export const sourceMissing: OperationFailure = {
  code: 9,
  status: 'FAILED_PRECONDITION',
  message: 'An image that this operation was to use is no longer kept. Upload it again.',
  details: [],
  reason: 'SOURCE_IMAGE_MISSING',
  retryable: false,
  retryAfterMs: null,
}

export const resultLost: OperationFailure = {
  code: 15,
  status: 'DATA_LOSS',
  message: 'The provider answered, but the answer was lost before it could be kept. You were not charged.',
  details: [],
  reason: 'RESULT_LOST',
  retryable: true,
  retryAfterMs: null,
}

export const modelGone: OperationFailure = {
  code: 12,
  status: 'UNIMPLEMENTED',
  message: 'The model that this operation was accepted for is not configured any more. You were not charged.',
  details: [],
  reason: 'MODEL_GONE',
  retryable: false,
  retryAfterMs: null,
}

/** The provider asked to be left alone for longer than the operation may take. */
export function providerBusy(retryAfterMs: number): OperationFailure {
  return {
    code: 8,
    status: 'RESOURCE_EXHAUSTED',
    message: 'The provider limits how many requests it takes at the moment.',
    details: [],
    reason: 'RATE_LIMITED',
    retryable: true,
    retryAfterMs: Math.ceil(retryAfterMs),
  }
}

export const internalFailure: OperationFailure = {
  code: 13,
  status: 'INTERNAL',
  message: 'Easel failed to carry out this operation. You were not charged.',
  details: [],
  reason: 'INTERNAL',
  retryable: true,
  retryAfterMs: null,
}

export function toOperationFailure(error: unknown): OperationFailure {
  if (!(error instanceof ProviderFailure)) return internalFailure
  if (error.isOutcomeUnknown) {
    return { ...outcomeUnknown, details: [{ upstreamReason: error.reason, message: error.message }] }
  }
  return {
    code: error.code,
    status: error.status,
    message: error.message,
    details: error.details as Record<string, unknown>[],
    reason: error.reason,
    retryable: error.retryable,
    retryAfterMs: error.retryAfterMs,
  }
}

/** The failure of an attempt as its row keeps it, with its certainty beside it. */
export function readAttemptFailure(kept: unknown): OperationFailure {
  const { certainty: _, ...failure } = kept as OperationFailure & { certainty?: string }
  return failure
}
