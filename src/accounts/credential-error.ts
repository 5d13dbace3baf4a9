import type { User } from '../database/generated/client.ts'
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

/** Only for whoever has shown a credential that is valid: it learns nothing about others. */
export function refuseClosed({ deletedAt, disabledAt }: Pick<User, 'deletedAt' | 'disabledAt'>): void {
  if (deletedAt) throw userDeleted()
  if (!disabledAt) return
  throw new EaselError('UNAUTHENTICATED', 'This user is disabled. An admin can enable it again.', {
    reason: 'USER_DISABLED',
  })
}

export function userDeleted(): EaselError {
  return new EaselError('UNAUTHENTICATED', 'This user was deleted. An admin can let it in again.', {
    reason: 'USER_DELETED',
  })
}
