export type Role = 'MEMBER' | 'ADMIN'

/** Who asks, and by what right. */
export interface Viewer {
  userId: string
  name: string
  role: Role
  credential: Credential
}

export type Credential =
  /** Authentication is off. */
  { kind: 'none' } | { kind: 'apiKey'; id: string } | { kind: 'jwt'; expiresAt: Date }
