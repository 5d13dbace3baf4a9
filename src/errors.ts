import { type ErrorCode, errorCodes } from './reasons/error-codes.ts'
import type { ErrorReason, ReasonOf } from './reasons/reasons.ts'

export interface ErrorDetails {
  /** Refines the code. */
  reason?: ErrorReason
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

/** A code, and details whose reason belongs to that code. */
type ErrorArguments = {
  [Code in ErrorCode]: [
    code: Code,
    message: string,
    details?: ErrorDetails & { reason?: ReasonOf<Code> },
    options?: ErrorOptions,
  ]
}[ErrorCode]

/**
 * An error that a caller can expect. Every other throw is a fault of Easel's own: it is masked and logged once.
 * A failed generation is not one of these: it is data, `Operation.error`.
 */
export class EaselError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(...[code, message, details = {}, options]: ErrorArguments) {
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
    const same = [this.code, this.message, { ...this.details, field }, { cause: this }] as ErrorArguments
    return new EaselError(...same)
  }
}

/** For what is not there, and for what the caller may not see alike. */
export function notFound(what: string): EaselError {
  return new EaselError('NOT_FOUND', `There is no such ${what}.`)
}
