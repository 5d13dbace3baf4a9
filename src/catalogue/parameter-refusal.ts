import { EaselError } from '../errors.ts'

interface Refusal {
  field: string
  reason: string
  allowed?: unknown
  actual?: unknown
  hint?: string
}

/** A value that the model does not take. */
export function refuseValue(message: string, refusal: Refusal): EaselError {
  return new EaselError('BAD_USER_INPUT', message, { ...refusal })
}

/** A parameter or an operation that the model does not have. */
export function refuseUnsupported(message: string, refusal: Refusal): EaselError {
  return new EaselError('UNSUPPORTED_BY_MODEL', message, { ...refusal })
}
