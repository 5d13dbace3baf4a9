import { LRUCache } from 'lru-cache'
import type { PrismaClient } from '../database/database.ts'
import type { User } from '../database/generated/client.ts'
import type { Notifications } from '../database/notifications.ts'
import { describeAccess } from './access.ts'
import { type ApiKeyFacts, createApiKeys } from './api-keys.ts'
import { isToken, readCredential } from './credential.ts'
import { type RateLimits, withDefaults } from './rate-limits.ts'
import { createRevocations } from './revocations.ts'
import { createSharedCounts } from './shared-counts.ts'
import { createTokenVerifier, type JwtOptions } from './token-verifier.ts'
import { createUsers } from './users.ts'
import type { Role, Viewer } from './viewer.ts'
import { createViewerRates, type ViewerRates } from './viewer-rates.ts'

export type { ApiKeyFacts } from './api-keys.ts'
export type { RateLimits } from './rate-limits.ts'
export type { JwtOptions } from './token-verifier.ts'
export type { Credential, Role, Viewer } from './viewer.ts'

/** Users, their API keys and tokens. What a viewer may see is not decided here. */
export interface Accounts {
  /** Throws UNAUTHENTICATED, always with the same message, or UNAVAILABLE when the token issuer cannot be reached. */
  authenticate(headers: Headers): Promise<Viewer>
  /** Describes in one line who may use the gateway, for the operator. */
  describeAccess(): Promise<string>
  /** Calls `end` once, when the viewer's key is revoked or its token expires. The returned function cancels this. */
  onRevoked(viewer: Viewer, end: () => void): () => void
  createUser(user: { name: string; role: Role }): Promise<User>
  /** The secret is returned here only; its hash is kept. */
  createApiKey(request: { userId: string; name: string }): Promise<{ apiKey: ApiKeyFacts; secret: string }>
  /** Takes effect at once, in every process. Revoking a key again changes nothing. */
  revokeApiKey(id: string): Promise<ApiKeyFacts>
  /** Counts what a viewer asks for against its rates: all of it, or with RATE_LIMITED nothing. */
  admit: ViewerRates['admit']
  /** Sets the limits of a user, or of one of its keys. Those left out stay; null gives the default back. Answers the user, or null if there is no such owner. */
  setRateLimits(
    owner: { userId: string } | { apiKeyId: string },
    limits: { [Name in keyof RateLimits]?: number | null | undefined },
  ): Promise<string | null>
  /** The limits of a user: its own, and the defaults for those that nobody set. */
  rateLimitsOf(user: RateLimits): RateLimits
  /** Checks the keys of open streams for revocations that were not notified. It also runs at intervals by itself. */
  recheck(): Promise<void>
  close(): Promise<void>
}

export interface AccountsOptions {
  prisma: PrismaClient
  notifications: Notifications
  /** `off`: everybody is the admin `local`. */
  auth: 'off' | 'on'
  /** The key of the user `admin`. Changing or removing it revokes the former key. */
  adminKey?: string | undefined
  /** The limits of users that have none of their own. */
  rateLimits: RateLimits
  /** Whether other processes work on the same database, so that a rate is counted with them. */
  countsWithOthers: boolean
  /** Secrets of the API keys' hashes: new hashes use the first, and all of them verify. */
  hashSecrets: readonly string[]
  jwt?: JwtOptions | undefined
  now: () => Date
  newId: () => string
  fetch?: ((url: string, init?: RequestInit) => Promise<Response>) | undefined
  /** Called with errors of background work. */
  onError: (error: Error) => void
}

/** How long the user of a token is cached; then its name and role are read again. */
const userCacheMs = 10_000
const maxCachedUsers = 10_000
const adminKeyName = 'EASEL_ADMIN_KEY'

export async function createAccounts(options: AccountsOptions): Promise<Accounts> {
  const { now, jwt, hashSecrets, rateLimits, prisma } = options
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
    const { id: userId, name: userName, role } = user
    const limits = { user: withDefaults(user, rateLimits), key: null }
    return { userId, name: userName, role, credential: { kind: 'jwt', expiresAt }, rateLimits: limits }
  }

  const authenticateByHeaders = async (headers: Headers): Promise<Viewer> => {
    const credential = readCredential(headers)
    return verifier && isToken(credential)
      ? authenticateToken(credential, verifier)
      : keys.authenticate(credential)
  }

  const openAuthentication = async (): Promise<Accounts['authenticate']> => {
    if (options.auth === 'off') {
      const user = await users.ensure({ externalId: 'local', name: 'local', role: 'ADMIN' })
      const { id: userId, name, role } = user
      const limits = { user: withDefaults(user, rateLimits), key: null }
      return async () => ({ userId, name, role, credential: { kind: 'none' }, rateLimits: limits })
    }
    const admin = await users.ensure({ externalId: 'admin', name: 'admin', role: 'ADMIN' })
    await keys.replace({ userId: admin.id, name: adminKeyName, secret: options.adminKey ?? null })
    return authenticateByHeaders
  }

  const shared = options.countsWithOthers
    ? createSharedCounts({ prisma, now: perf.now, onError: options.onError })
    : null
  const rates = createViewerRates({ now: perf.now, shared })

  const close = async () => {
    await shared?.close()
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
    admit: rates.admit,
    rateLimitsOf: (user) => withDefaults(user, rateLimits),
    setRateLimits: async (owner, limits) => {
      const userId = await writeLimits(prisma, owner, limits)
      keys.forget()
      tokenUsers.clear()
      return userId
    },
    recheck: revocations.recheck,
    close,
  }
}

async function writeLimits(
  prisma: PrismaClient,
  owner: Parameters<Accounts['setRateLimits']>[0],
  limits: Parameters<Accounts['setRateLimits']>[1],
): Promise<string | null> {
  if ('userId' in owner) {
    const rows = await prisma.user.updateManyAndReturn({ where: { id: owner.userId }, data: limits })
    return rows[0]?.id ?? null
  }
  const rows = await prisma.apiKey.updateManyAndReturn({ where: { id: owner.apiKeyId }, data: limits })
  return rows[0]?.userId ?? null
}
