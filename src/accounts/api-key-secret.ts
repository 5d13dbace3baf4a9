import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const marker = 'easel_'
/** 256 bits: 43 characters of base64url. */
const secretBytes = 32

/** Longer texts are not hashed, since Easel never made such a key. */
export const maxKeyLength = 512

export function newApiKeySecret(): string {
  return marker + randomBytes(secretBytes).toString('base64url')
}

/** Enough characters to tell keys apart in a list, too few to help guessing. An operator's own key may be short. */
export function prefixOf(secret: string): string {
  return secret.slice(0, secret.startsWith(marker) ? marker.length + 6 : 4)
}

/** The hash of a key under each of the hash secrets, in their order. */
export function hashesOf(secret: string, hashSecrets: readonly string[]): string[] {
  return hashSecrets.map((hashSecret) => createHmac('sha256', hashSecret).update(secret).digest('hex'))
}

/** Compares in constant time; the look-up through the index before it does not. */
export function isOneOf(hash: string, hashes: readonly string[]): boolean {
  const bytes = Buffer.from(hash, 'hex')
  return hashes.map((other) => isEqual(bytes, Buffer.from(other, 'hex'))).includes(true)
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
