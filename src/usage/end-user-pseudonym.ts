import { createHmac } from 'node:crypto'

/**
 * Stands for a caller's end user towards providers: the same for the same user of the same account, meaningless
 * outside. 43 characters, within the 64 that providers take.
 */
export function endUserPseudonym(secret: string, userId: string, endUser: string): string {
  // The length keeps two different pairs from ever hashing the same text.
  return createHmac('sha256', secret)
    .update(`end-user:${userId.length}:${userId}:${endUser}`)
    .digest('base64url')
}

/** The oldest secret counts, so that providers know an end user by one name while secrets are being changed. */
export function createPseudonyms(secrets: readonly string[]): (userId: string, endUser: string) => string {
  const oldest = secrets.at(-1) ?? ''
  return (userId, endUser) => endUserPseudonym(oldest, userId, endUser)
}
