import { LRUCache } from 'lru-cache'
import type { PrismaClient } from '../database/database.ts'
import type { User } from '../database/generated/client.ts'
import type { Notifications } from '../database/notifications.ts'
import { describeAccess } from './access.ts'
import { type ApiKeyFacts, createApiKeys } from './api-keys.ts'
import { isToken, readCredential } from './credential.ts'
import { createRevocations } from './revocations.ts'
import { createTokenVerifier, type JwtOptions } from './token-verifier.ts'
import { createUsers } from './users.ts'
import type { Role, Viewer } from './viewer.ts'

export type { ApiKeyFacts } from './api-keys.ts'
export type { JwtOptions } from './token-verifier.ts'
export type { Credential, Role, Viewer } from './viewer.ts'

/** Users, their API keys and tokens. What a viewer may see is not decided here. */
export interface Accounts {
  /** Throws UNAUTHENTICATED, always in the same words, or UNAVAILABLE when the token issuer cannot be reached. */
  authenticate(headers: Headers): Promise<Viewer>
  /** Who may come in, in one line for the operator. */
  describeAccess(): Promise<string>
  /** Calls `end` once when the viewer's right ends: its key is revoked or its token expires. The answer stops it. */
  onRevoked(viewer: Viewer, end: () => void): () => void
  createUser(user: { name: string; role: Role }): Promise<User>
  /** The secret is known only now. */
  createApiKey(request: { userId: string; name: string }): Promise<{ apiKey: ApiKeyFacts; secret: string }>
  /** At once, in every process; again changes nothing. */
  revokeApiKey(id: string): Promise<ApiKeyFacts>
  /** Looks for keys of running streams whose revocation was not heard; done now and then by itself. */
  recheck(): Promise<void>
  close(): Promise<void>
}

export interface AccountsOptions {
  prisma: PrismaClient
  notifications: Notifications
  /** `off`: everybody is the admin `local`. */
  auth: 'off' | 'on'
  /** The key of the user `admin`. A changed one revokes the former, none revokes it too. */
  adminKey?: string | undefined
  /** Of the API keys' hashes: the first writes, all verify. */
  hashSecrets: readonly string[]
  jwt?: JwtOptions | undefined
  now: () => Date
  newId: () => string
  fetch?: ((url: string, init?: RequestInit) => Promise<Response>) | undefined
  /** Failures off any request's path. */
  onError: (error: Error) => void
}

/** How long a token's user is remembered: its name and role are read again after that. */
const userCacheMs = 10_000
const maxCachedUsers = 10_000
const adminKeyName = 'EASEL_ADMIN_KEY'

export async function createAccounts(options: AccountsOptions): Promise<Accounts> {
  const { now, jwt, hashSecrets } = options
  if (hashSecrets.length === 0) throw new Error('API keys need a secret to be hashed with')
  const users = createUsers(options)
  const verifier = jwt && createTokenVerifier(jwt, { now, fetch: options.fetch })
  const revocations = createRevocations(options)
  const keys = createApiKeys({ ...options, revocations })
  const perf = { now: () => now().getTime() }
  const tokenUsers = new LRUCache<string, User>({
    max: maxCachedUsers,
    ttl: userCacheMs,
    ttlResolution: 0,
    perf,
  })

  const authenticateToken = async (
    token: string,
    { verify }: NonNullable<typeof verifier>,
  ): Promise<Viewer> => {
    const { externalId, name, expiresAt } = await verify(token)
    const known = tokenUsers.get(externalId)
    const user = known ?? (await users.ensure({ externalId, name, role: 'MEMBER' }))
    if (!known) tokenUsers.set(externalId, user)
    return { userId: user.id, name: user.name, role: user.role, credential: { kind: 'jwt', expiresAt } }
  }

  const authenticateByHeaders = async (headers: Headers): Promise<Viewer> => {
    const credential = readCredential(headers)
    return verifier && isToken(credential)
      ? authenticateToken(credential, verifier)
      : keys.authenticate(credential)
  }

  const openAuthentication = async (): Promise<Accounts['authenticate']> => {
    if (options.auth === 'off') {
      const { id, name, role } = await users.ensure({ externalId: 'local', name: 'local', role: 'ADMIN' })
      return async () => ({ userId: id, name, role, credential: { kind: 'none' } })
    }
    const admin = await users.ensure({ externalId: 'admin', name: 'admin', role: 'ADMIN' })
    await keys.replace({ userId: admin.id, name: adminKeyName, secret: options.adminKey ?? null })
    return authenticateByHeaders
  }

  const close = async () => {
    await revocations.close()
    await keys.close()
  }
  const authenticate = await openAuthentication().catch(async (error) => {
    await close()
    throw error
  })
  return {
    authenticate,
    describeAccess: async () =>
      describeAccess({ auth: options.auth, hasApiKeys: await keys.exist(), issuer: jwt?.issuer ?? null }),
    onRevoked: revocations.watch,
    createUser: users.create,
    createApiKey: keys.create,
    revokeApiKey: keys.revoke,
    recheck: revocations.recheck,
    close,
  }
}
