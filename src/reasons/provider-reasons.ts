import type { FailureMeaning } from './meaning.ts'

/** Why a call of a provider brought no image. */
export const providerReasons = {
  CONTENT_REFUSED: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    meaning: 'The provider refused the content of this request.',
    hint: 'Put the prompt in other words, or use another image.',
  },
  RATE_LIMITED: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: true,
    meaning: 'The provider limits how many requests it takes at the moment.',
    hint: 'Wait a little, then send it again.',
  },
  QUOTA_EXHAUSTED: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: false,
    meaning: "The quota or credit at the provider is used up. The gateway's operator can raise it.",
    hint: 'The operator can raise the quota, or top up the credit.',
  },
  UPSTREAM_UNAVAILABLE: {
    status: 'UNAVAILABLE',
    retryable: true,
    meaning: 'The provider is not available at the moment.',
    hint: 'Send it again in a while.',
  },
  UPSTREAM_AUTH: {
    status: 'FAILED_PRECONDITION',
    retryable: false,
    meaning: "The provider did not accept the gateway's credentials. The gateway's operator can mend that.",
    hint: 'The operator can renew the key of the provider.',
  },
  UPSTREAM_INVALID_REQUEST: {
    status: 'INVALID_ARGUMENT',
    retryable: false,
    meaning: 'The provider did not accept the request.',
    hint: 'Change what the message names.',
  },
  UPSTREAM_MODEL_NOT_FOUND: {
    status: 'NOT_FOUND',
    retryable: false,
    meaning: 'The provider does not have this model, or no longer.',
    hint: 'Choose another model.',
  },
  UPSTREAM_FAILED: {
    status: 'INTERNAL',
    retryable: true,
    meaning: 'The provider failed to make the image.',
    hint: 'Send it again.',
  },
  UPSTREAM_INVALID_RESPONSE: {
    status: 'INTERNAL',
    retryable: true,
    meaning: 'The provider gave an answer that cannot be read.',
    hint: 'Send it again; if that does not help, tell the operator.',
  },
  UPSTREAM_RESPONSE_TOO_LARGE: {
    status: 'RESOURCE_EXHAUSTED',
    retryable: false,
    meaning: "The provider's answer is larger than the gateway takes.",
    hint: 'Ask for fewer or smaller images.',
  },
  UPSTREAM_INVALID_RESULT: {
    status: 'INTERNAL',
    retryable: true,
    meaning: 'The provider sent something that is not a usable image.',
    hint: 'Send it again.',
  },
  UPSTREAM_RESULT_UNREACHABLE: {
    status: 'UNAVAILABLE',
    retryable: true,
    meaning: "The provider's image could not be fetched from the address it gave.",
    hint: 'Send it again in a while.',
  },
  UPSTREAM_OUTCOME_UNKNOWN: {
    status: 'UNKNOWN',
    retryable: true,
    meaning: 'The provider gave no clear answer after the request was sent: the outcome is unknown.',
    hint: 'Send it again if you still want the image; you were not charged.',
  },
  NO_IMAGE: {
    status: 'INTERNAL',
    retryable: true,
    meaning: 'The provider answered without an image.',
    hint: 'Send it again.',
  },
  RESULT_EXPIRED: {
    status: 'NOT_FOUND',
    retryable: true,
    meaning: 'The provider no longer keeps the result of this operation.',
    hint: 'Send it again.',
  },
  DEADLINE_EXCEEDED: {
    status: 'DEADLINE_EXCEEDED',
    retryable: true,
    meaning: 'The provider did not answer in time.',
    hint: 'Send it again; a lower quality or a smaller size is faster.',
  },
  CANCELLED: {
    status: 'CANCELLED',
    retryable: true,
    meaning: 'The call of the provider was cancelled.',
    hint: 'Send it again if you still want the image; nothing was charged.',
  },
} as const satisfies Record<string, FailureMeaning>
