import { EaselError } from '../errors.ts'

/** The same message for every cause, so that it shows nothing about keys, users or checks. */
export function credentialsInvalid(cause?: unknown): EaselError {
  return new EaselError(
    'UNAUTHENTICATED',
    'The API key or token is not valid.',
    { reason: 'CREDENTIALS_INVALID' },
    { cause },
  )
}

export function credentialsMissing(): EaselError {
  return new EaselError('UNAUTHENTICATED', 'Send an API key or a token: Authorization: Bearer …', {
    reason: 'CREDENTIALS_MISSING',
  })
}
