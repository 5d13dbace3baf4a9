import { createHash } from 'node:crypto'
import type { SigningKey } from './image-url.ts'

/** The id of a key says which secret signed, so that addresses stay valid when another secret becomes the first. */
export function toSigningKeys(secrets: readonly string[]): [SigningKey, ...SigningKey[]] {
  const [first, ...others] = secrets.map((secret) => ({ id: keyId(secret), secret }))
  if (!first) throw new Error('Addresses need a secret to be signed with')
  return [first, ...others]
}

const keyId = (secret: string) => createHash('sha256').update(secret).digest('hex').slice(0, 8)
