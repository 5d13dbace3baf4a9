import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const marker = 'easel_'
/** 256 bits: 43 characters of base64url. */
const secretBytes = 32

/** Longer ones are not hashed: nobody was ever given one. */
export const maxKeyLength = 512

export function newApiKeySecret(): string {
  return marker + randomBytes(secretBytes).toString('base64url')
}

/** Enough to tell keys apart in a list, too little to guess one. An operator's own key may be short. */
export function prefixOf(secret: string): string {
  return secret.slice(0, secret.startsWith(marker) ? marker.length + 6 : 4)
}

/** Under each of the hash secrets, the one that new hashes are written with first. */
export function hashesOf(secret: string, hashSecrets: readonly string[]): string[] {
  return hashSecrets.map((hashSecret) => createHmac('sha256', hashSecret).update(secret).digest('hex'))
}

/** In constant time, whatever the index made of the look-up. */
export function isOneOf(hash: string, hashes: readonly string[]): boolean {
  const bytes = Buffer.from(hash, 'hex')
  return hashes.map((other) => isEqual(bytes, Buffer.from(other, 'hex'))).includes(true)
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
