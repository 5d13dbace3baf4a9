import { LRUCache } from 'lru-cache'
import type { Prisma, PrismaClient } from '../database/database.ts'
import type { User } from '../database/generated/client.ts'
import type { Notifications } from '../database/notifications.ts'
import { inTransaction } from '../database/transaction.ts'
import { describeAccess } from './access.ts'
import { type ApiKeyFacts, createApiKeys, type NewApiKey } from './api-keys.ts'
import { type Act, createAuditLog, type RecordAct } from './audit-log.ts'
import { isToken, readCredential } from './credential.ts'
import { refuseClosed } from './credential-error.ts'
import { type RateLimits, withDefaults } from './rate-limits.ts'
import { createRevocations } from './revocations.ts'
import { createSetRateLimits, type SetRateLimits } from './set-rate-limits.ts'
import { createSharedCounts } from './shared-counts.ts'
import { createTokenVerifier, type JwtOptions } from './token-verifier.ts'
import { createUserLife } from './user-life.ts'
import { createUsers } from './users.ts'
import type { Role, Viewer } from './viewer.ts'
import { createViewerRates, type ViewerRates } from './viewer-rates.ts'

export type { ApiKeyFacts } from './api-keys.ts'
export type { AuditAction } from './audit-log.ts'
export type { RateLimits } from './rate-limits.ts'
export type { JwtOptions } from './token-verifier.ts'
export type { Credential, Role, Viewer } from './viewer.ts'
export { keyIdOf, modelLimitOf } from './viewer.ts'

/** Users, their API keys and tokens. What a viewer may see is not decided here. */
export interface Accounts {
  /** Throws UNAUTHENTICATED, always with the same message, or UNAVAILABLE when the token issuer cannot be reached. */
  authenticate(headers: Headers): Promise<Viewer>
  /** Describes in one line who may use the gateway, for the operator. */
  describeAccess(): Promise<string>
  /** Calls `end` once, when the viewer loses its access or its role. The returned function cancels this. */
  onRevoked(viewer: Viewer, end: () => void): () => void
  // Who does it is written into the audit log; without `by` it is the gateway itself.
  createUser(user: { name: string; role: Role }, by?: Viewer): Promise<User>
  setUserRole(change: { userId: string; role: Role }, by?: Viewer): Promise<void>
  /** Keys, tokens and streams of the user stop at once, in every process, and nothing of it is sent any more. */
  disableUser(userId: string, by?: Viewer): Promise<void>
  /** Of a deleted user it lets the same subject come again, as a new user. */
  enableUser(userId: string, by?: Viewer): Promise<void>
  /** The usage stays; who it was is gone, and so are its keys. */
  deleteUser(userId: string, by?: Viewer): Promise<void>
  /** The secret is returned here only; its hash is kept. */
  createApiKey(request: NewApiKey, by?: Viewer): Promise<{ apiKey: ApiKeyFacts; secret: string }>
  /**
   * Takes effect at once, in every process, also for the keys that were made with it. Revoking a key again changes nothing.
   */
  revokeApiKey(id: string, by?: Viewer): Promise<ApiKeyFacts>
  /** All keys of a user, and what was made with them; answers how many worked until now. */
  revokeAllKeys(userId: string, by?: Viewer): Promise<number>
  /** Carries out an act of another room's, and writes it into the audit log in the same transaction. */
  audited<T>(by: Viewer, act: Act, work: (tx: Prisma.TransactionClient) => Promise<T>): Promise<T>
  /** Writes an act of another room's into the audit log, in the transaction in which that room carries it out. */
  record: RecordAct
  /** Counts what a viewer asks for against its rates: all of it, or with RATE_LIMITED nothing. */
  admit: ViewerRates['admit']
  /** Sets the limits of a user, or of one of its keys. */
  setRateLimits: SetRateLimits
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
  /** How long a key may live that a member makes with a token; 30 days when absent. */
  maxTokenKeyMs?: number | undefined
  /** What another room gives to a new user, in the transaction that makes it. */
  onNewUser?: ((tx: Prisma.TransactionClient, userId: string) => Promise<void>) | undefined
  now: () => Date
  newId: () => string
  fetch?: ((url: string, init?: RequestInit) => Promise<Response>) | undefined
  /** Called with errors of background work. */
  onError: (error: Error) => void
}

/** How long the user of a token is cached; then its name and role are read again. */
const userCacheMs = 10_000
const maxCachedUsers = 10_000
const defaultTokenKeyMs = 30 * 24 * 3600 * 1000
const adminKeyName = 'EASEL_ADMIN_KEY'

export async function createAccounts(options: AccountsOptions): Promise<Accounts> {
  const { now, jwt, hashSecrets, rateLimits, prisma, onNewUser = async () => {} } = options
  if (hashSecrets.length === 0) throw new Error('API keys need a secret to be hashed with')
  const record = createAuditLog(options)
  const users = createUsers({ ...options, record, onNewUser })
  const verifier = jwt && createTokenVerifier(jwt, { now, fetch: options.fetch })
  const revocations = createRevocations(options)
  const { maxTokenKeyMs = defaultTokenKeyMs } = options
  const keys = createApiKeys({ ...options, revocations, record, maxTokenKeyMs })
  const life = createUserLife({ ...options, record, announce: revocations.announce })
  const perf = { now: () => now().getTime() }
  const tokenUsers = new LRUCache<string, User>({
    max: maxCachedUsers,
    ttl: userCacheMs,
    ttlResolution: 0,
    perf,
  })
  let gone = 0
  revocations.onGone((id) => {
    gone++
    for (const [externalId, user] of [...tokenUsers.entries()])
      if (user.id === id) tokenUsers.delete(externalId)
  })

  const authenticateToken = async (
    token: string,
    { verify }: NonNullable<typeof verifier>,
  ): Promise<Viewer> => {
    const { externalId, name, expiresAt } = await verify(token)
    const before = gone
    const known = tokenUsers.get(externalId)
    const user = known ?? (await users.ensure({ externalId, name, role: 'MEMBER' }))
    refuseClosed(user)
    // A user that was read before it was disabled must not be cached after it.
    if (!known && gone === before) tokenUsers.set(externalId, user)
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
    setUserRole: life.setRole,
    disableUser: life.disable,
    enableUser: life.enable,
    deleteUser: life.delete,
    createApiKey: keys.create,
    revokeApiKey: keys.revoke,
    revokeAllKeys: keys.revokeAll,
    audited: (by, act, work) =>
      inTransaction(options.prisma, async (tx) => {
        const result = await work(tx)
        await record(tx, by, act)
        return result
      }),
    record,
    admit: rates.admit,
    rateLimitsOf: (user) => withDefaults(user, rateLimits),
    setRateLimits: createSetRateLimits({
      prisma,
      record,
      onChange: () => {
        keys.forget()
        tokenUsers.clear()
      },
    }),
    recheck: revocations.recheck,
    close,
  }
}
