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
  { kind: 'none' } | { kind: 'apiKey'; id: string } | { kind: 'jwt'; expiresAt: Date }
