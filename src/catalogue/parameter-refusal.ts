import { EaselError } from '../errors.ts'
import type { ErrorCode } from '../reasons/error-codes.ts'
import type { ReasonOf } from '../reasons/reasons.ts'

interface Refusal<Code extends ErrorCode> {
  field: string
  reason: ReasonOf<Code>
  allowed?: unknown
  actual?: unknown
  hint?: string
}

/** A value that the model does not take. */
export function refuseValue(message: string, refusal: Refusal<'BAD_USER_INPUT'>): EaselError {
  return new EaselError('BAD_USER_INPUT', message, { ...refusal })
}

/** A parameter or an operation that the model does not have. */
export function refuseUnsupported(message: string, refusal: Refusal<'UNSUPPORTED_BY_MODEL'>): EaselError {
  return new EaselError('UNSUPPORTED_BY_MODEL', message, { ...refusal })
}
