import type { FailureMeaning } from './meaning.ts'

/** Why an operation failed although no provider was at fault. */
export const operationReasons = {
  STORAGE_UNAVAILABLE: {
    status: 'UNAVAILABLE',
    retryable: true,
    meaning: 'The storage of the images could not be reached before the deadline, so no provider was asked.',
    hint: 'Send it again in a while.',
  },
  SOURCE_IMAGE_MISSING: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    meaning: 'An image that this operation was to use is no longer kept.',
    hint: 'Upload the image again.',
  },
  RESULT_LOST: {
    status: 'DATA_LOSS',
    retryable: true,
    meaning: 'The provider answered, but the answer was lost before it could be kept.',
    hint: 'Send it again; you were not charged.',
  },
  MODEL_GONE: {
    status: 'UNIMPLEMENTED',
    retryable: false,
    meaning: 'The model that this operation was accepted for is not configured any more.',
    hint: 'Choose another model.',
  },
  ACCESS_REVOKED: {
    status: 'PERMISSION_DENIED',
    retryable: false,
    meaning: 'The key was revoked, or the user disabled, before the request was sent to a provider.',
    hint: 'Use another key; nothing was sent or charged.',
  },
  INTERNAL: {
    status: 'INTERNAL',
    retryable: true,
    meaning: 'Easel failed to carry out this operation.',
    hint: 'Send it again; if that does not help, tell the operator.',
  },
} as const satisfies Record<string, FailureMeaning>
