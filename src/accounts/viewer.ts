import type { ViewerRateLimits } from './rate-limits.ts'

export type Role = 'MEMBER' | 'ADMIN'

/** The user of a request, its role and its credential. */
export interface Viewer {
  userId: string
  name: string
  role: Role
  credential: Credential
  rateLimits: ViewerRateLimits
}

export type Credential =
  /** Authentication is off. */
  { kind: 'none' } | KeyCredential | { kind: 'jwt'; expiresAt: Date }

export interface KeyCredential {
  kind: 'apiKey'
  id: string
  /** Absent: it does not expire. */
  expiresAt?: Date
  /** The models that it may use, as callers name them. Absent: all. */
  models?: readonly string[]
}

/** The id of the key that was used; null for a token and an open gateway. */
export function keyIdOf({ credential }: Viewer): string | null {
  return credential.kind === 'apiKey' ? credential.id : null
}

/** The models to which the viewer's key is limited. Empty: to none, all may be used. */
export function modelLimitOf({ credential }: Viewer): readonly string[] {
  return credential.kind === 'apiKey' ? (credential.models ?? []) : []
}
