import { createHmac } from 'node:crypto'

/**
 * The name of a caller's end user for providers: always the same for one end user of one account, and meaningless to
 * others. 43 characters, within the 64 that providers accept.
 */
export function endUserPseudonym(secret: string, userId: string, endUser: string): string {
  // The length keeps two different pairs from ever hashing the same text.
  return createHmac('sha256', secret)
    .update(`end-user:${userId.length}:${userId}:${endUser}`)
    .digest('base64url')
}

/** Uses the oldest secret, so that an end user keeps its pseudonym while secrets are being changed. */
export function createPseudonyms(secrets: readonly string[]): (userId: string, endUser: string) => string {
  const oldest = secrets.at(-1) ?? ''
  return (userId, endUser) => endUserPseudonym(oldest, userId, endUser)
}
