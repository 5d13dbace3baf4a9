/**
 * The errors a caller can expect. Every other throw is a fault of Easel's own: it is masked and logged once.
 * A failed generation is not one of these: it is data, `Operation.error`.
 */
export const errorCodes = {
  UNAUTHENTICATED: { httpStatus: 401, retryable: false },
  FORBIDDEN: { httpStatus: 403, retryable: false },
  BAD_USER_INPUT: { httpStatus: 400, retryable: false },
  UNSUPPORTED_BY_MODEL: { httpStatus: 400, retryable: false },
  NOT_FOUND: { httpStatus: 404, retryable: false },
  PAYLOAD_TOO_LARGE: { httpStatus: 413, retryable: false },
  IDEMPOTENCY_KEY_REUSED: { httpStatus: 422, retryable: false },
  BUDGET_EXCEEDED: { httpStatus: 402, retryable: false },
  RATE_LIMITED: { httpStatus: 429, retryable: true },
  UNAVAILABLE: { httpStatus: 503, retryable: true },
  INTERNAL_SERVER_ERROR: { httpStatus: 500, retryable: false },
} as const

export type ErrorCode = keyof typeof errorCodes

export interface ErrorDetails {
  /** SCREAMING_SNAKE refinement of the code, e.g. `IMAGE_TRUNCATED`. */
  reason?: string
  /** The path of the input at fault, e.g. `input.image.0`. */
  field?: string
  /** What would have been accepted. */
  allowed?: unknown
  /** What was given; never a secret, a prompt or image bytes. */
  actual?: unknown
  /** What the caller can do, e.g. `RESIZE`, `ADD_ALPHA`, `CONVERT_TO_PNG`. */
  hint?: string
  retryAfterMs?: number
  [more: string]: unknown
}

export class EaselError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EaselError'
    this.code = code
    this.details = details
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable
  }

  /** The same error, pointing at the input that caused it; a field named deeper down is kept. */
  at(field: string): EaselError {
    if (this.details.field) return this
    return new EaselError(this.code, this.message, { ...this.details, field }, { cause: this })
  }
}

/** For what is not there, and for what the caller may not see alike. */
export function notFound(what: string): EaselError {
  return new EaselError('NOT_FOUND', `There is no such ${what}.`)
}
