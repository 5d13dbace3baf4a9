import { LRUCache } from 'lru-cache'
import type { Prisma, PrismaClient } from '../database/database.ts'
import type { ApiKey, User } from '../database/generated/client.ts'
import { channels } from '../database/notifications.ts'
import { inTransaction } from '../database/transaction.ts'
import { EaselError } from '../errors.ts'
import { hashesOf, isOneOf, maxKeyLength, newApiKeySecret, prefixOf } from './api-key-secret.ts'
import type { RecordAct } from './audit-log.ts'
import { credentialsInvalid, refuseClosed } from './credential-error.ts'
import { boundKey, type KeyBounds } from './key-bounds.ts'
import { revokeKeysOf, revokeWithMade } from './key-revocation.ts'
import { pickRateLimits, type RateLimits, withDefaults } from './rate-limits.ts'
import type { Revocations } from './revocations.ts'
import { keyIdOf, type Viewer } from './viewer.ts'

/** The facts of a key that Easel shows. */
export type ApiKeyFacts = Omit<ApiKey, 'hash'>

/** A revocation is notified at once; if the notification is lost, a cached key works for this much longer. */
const cacheMs = 10_000
const maxCached = 10_000
const lastUsedStepMs = 60_000
const maxActiveKeys = 100
/** Keys that are remembered as wrong, for as long as those that work are remembered as right. */
const maxWrong = 10_000

/** A key to make. Without an expiry or models it has those of what it is made with, or no limit. */
export interface NewApiKey extends Partial<KeyBounds> {
  userId: string
  name: string
}

export interface ApiKeys {
  authenticate(secret: string): Promise<Viewer>
  create(request: NewApiKey, by?: Viewer): Promise<{ apiKey: ApiKeyFacts; secret: string }>
  /** The keys that were made with it go with it. */
  revoke(id: string, by?: Viewer): Promise<ApiKeyFacts>
  /** Revokes all keys of a user, and what was made with them; answers how many worked until now. */
  revokeAll(userId: string, by?: Viewer): Promise<number>
  /** Whether any key works. */
  exist(): Promise<boolean>
  /** Makes this the one working key of that name, or with null none. */
  replace(request: { userId: string; name: string; secret: string | null }): Promise<void>
  /** Reads every key anew at its next use. */
  forget(): void
  /** Waits for writes that are under way. */
  close(): Promise<void>
}

export interface ApiKeyOptions {
  prisma: PrismaClient
  revocations: Revocations
  record: RecordAct
  /** How long a key may live that a member makes with a token. */
  maxTokenKeyMs: number
  /** New hashes are written with the first; all of them verify. */
  hashSecrets: readonly string[]
  now: () => Date
  newId: () => string
  /** For users that have none of their own. */
  rateLimits: RateLimits
  onError: (error: Error) => void
}

type Known = ApiKey & { user: User }

export function createApiKeys(options: ApiKeyOptions): ApiKeys {
  const { prisma, revocations, record, hashSecrets, rateLimits, now, newId, onError } = options
  const perf = { now: () => now().getTime() }
  const cache = new LRUCache<string, Known>({ max: maxCached, ttl: cacheMs, ttlResolution: 0, perf })
  const wrong = new LRUCache<string, true>({ max: maxWrong, ttl: cacheMs, ttlResolution: 0, perf })
  const writes = new Set<Promise<void>>()
  let revoked = 0
  revocations.onGone((id) => {
    revoked++
    for (const [hash, key] of [...cache.entries()]) if (key.id === id || key.userId === id) cache.delete(hash)
  })
  const isExpired = ({ expiresAt }: Pick<ApiKey, 'expiresAt'>) => expiresAt !== null && expiresAt <= now()
  const working = () => ({ revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now() } }] })

  const hashNew = (secret: string) => hashesOf(secret, hashSecrets)[0] as string

  const lookUp = async (hashes: string[]): Promise<Known> => {
    const before = revoked
    const where = { hash: { in: hashes }, revokedAt: null }
    const key = await prisma.apiKey.findFirst({ where, include: { user: true } })
    if (!key || !isOneOf(key.hash, hashes) || isExpired(key)) {
      wrong.set(hashes[0] as string, true)
      throw credentialsInvalid()
    }
    refuseClosed(key.user)
    // A key that was read before its revocation must not be cached after it.
    if (revoked === before) cache.set(hashes[0] as string, key)
    return key
  }

  /** Off the request's path. It also moves the key to the newest hash secret, so that old ones can be retired. */
  const noteUse = (key: Known, hash: string): void => {
    const at = now()
    const isNoted = key.lastUsedAt !== null && at.getTime() - key.lastUsedAt.getTime() < lastUsedStepMs
    if (isNoted && key.hash === hash) return
    key.lastUsedAt = at
    key.hash = hash
    const write = prisma.apiKey
      .updateMany({ where: { id: key.id }, data: { lastUsedAt: at, hash } })
      .then(() => {}, onError)
      .finally(() => writes.delete(write))
    writes.add(write)
  }

  /** Runs `work` and tells every process which keys it revoked. */
  const revoking = async (work: (tx: Prisma.TransactionClient) => Promise<string[]>): Promise<string[]> => {
    const ids = await inTransaction(prisma, async (tx) => {
      const revokedIds = await work(tx)
      for (const id of revokedIds) await tx.$executeRaw`SELECT pg_notify(${channels.revocation}, ${id})`
      return revokedIds
    })
    for (const id of ids) revocations.announce(id)
    return ids
  }

  /** One key alone: what its holder made with it stays, since the configuration has only got another one. */
  const replaceFormer = (id: string) =>
    revoking(async (tx) => {
      const { count } = await tx.apiKey.updateMany({
        where: { id, revokedAt: null },
        data: { revokedAt: now() },
      })
      return count > 0 ? [id] : []
    })

  const describeKey = ({ userId, name, secret }: { userId: string; name: string; secret: string }) => ({
    id: newId(),
    userId,
    name,
    prefix: prefixOf(secret),
    hash: hashNew(secret),
    createdAt: now(),
  })

  const createKey = async (tx: Prisma.TransactionClient, request: NewApiKey, by: Viewer | undefined) => {
    const { userId, name, expiresAt = null, models = null } = request
    // The lock makes many requests at once count each other's keys.
    const [owner] = await tx.$queryRaw<Pick<User, 'disabledAt'>[]>`
      SELECT disabled_at AS "disabledAt" FROM "user" WHERE id = ${userId}::uuid FOR UPDATE`
    if (!owner) throw userNotFound()
    if (owner.disabledAt) throw ownerDisabled()
    if (by) await holdAccess(tx, by)
    const bounds = boundKey({ expiresAt, models }, by, options)
    const active = await tx.apiKey.count({ where: { userId, ...working() } })
    if (active >= maxActiveKeys) throw tooManyKeys()
    const secret = newApiKeySecret()
    const limits = { expiresAt: bounds.expiresAt, models: [...(bounds.models ?? [])] }
    const madeWithId = by ? keyIdOf(by) : null
    const apiKey = await tx.apiKey.create({
      data: { ...describeKey({ userId, name, secret }), ...limits, madeWithId },
      omit: { hash: true },
    })
    const details = {
      prefix: apiKey.prefix,
      expiresAt: bounds.expiresAt?.toISOString() ?? null,
      models: limits.models,
    }
    await record(tx, by, { action: 'CREATE_API_KEY', userId, keyId: apiKey.id, details })
    return { apiKey, secret }
  }

  return {
    authenticate: async (secret) => {
      if (secret.length > maxKeyLength) throw credentialsInvalid()
      const hashes = hashesOf(secret, hashSecrets)
      const [hash = ''] = hashes
      if (wrong.has(hash)) throw credentialsInvalid()
      const key = cache.get(hash) ?? (await lookUp(hashes))
      if (isExpired(key)) throw credentialsInvalid()
      noteUse(key, hash)
      return toViewer(key, rateLimits)
    },
    create: (request, by) => inTransaction(prisma, (tx) => createKey(tx, request, by)),
    revoke: async (id, by) => {
      await revoking(async (tx) => {
        const ids = await revokeWithMade(tx, id, now())
        const key = ids.length > 0 && (await tx.apiKey.findUnique({ where: { id } }))
        const details = { revokedKeys: ids.length }
        if (key) await record(tx, by, { action: 'REVOKE_API_KEY', userId: key.userId, keyId: id, details })
        return ids
      })
      const apiKey = await prisma.apiKey.findUnique({ where: { id }, omit: { hash: true } })
      if (!apiKey) throw new EaselError('NOT_FOUND', 'There is no such API key.', { field: 'id' })
      return apiKey
    },
    revokeAll: async (userId, by) => {
      const ids = await revoking(async (tx) => {
        const locked = await tx.$queryRaw<
          unknown[]
        >`SELECT id FROM "user" WHERE id = ${userId}::uuid FOR UPDATE`
        if (locked.length === 0)
          throw new EaselError('NOT_FOUND', 'There is no such user.', { field: 'userId' })
        const revokedIds = await revokeKeysOf(tx, userId, now())
        const details = { revokedKeys: revokedIds.length }
        await record(tx, by, { action: 'REVOKE_ALL_KEYS', userId, details })
        return revokedIds
      })
      return ids.length
    },
    exist: async () =>
      (await prisma.apiKey.findFirst({
        where: { ...working(), user: { disabledAt: null } },
        select: { id: true },
      })) !== null,
    replace: async ({ userId, name, secret }) => {
      const hashes = secret === null ? [] : hashesOf(secret, hashSecrets)
      const former = { userId, name, revokedAt: null, hash: { notIn: hashes } }
      for (const { id } of await prisma.apiKey.findMany({ where: former })) await replaceFormer(id)
      if (secret === null) return
      wrong.clear()
      const same = await prisma.apiKey.findFirst({ where: { hash: { in: hashes } } })
      if (same && same.userId !== userId) throw keyOfAnotherUser(name)
      if (same) {
        await prisma.apiKey.update({
          where: { id: same.id },
          data: { name, revokedAt: null, revokedWithId: null },
        })
        return
      }
      // Two processes may start with the same key at once.
      const data = describeKey({ userId, name, secret })
      await prisma.apiKey.createMany({ data, skipDuplicates: true })
    },
    forget: () => cache.clear(),
    close: async () => {
      await Promise.all(writes)
    },
  }
}

function toViewer(key: Known, defaults: RateLimits): Viewer {
  const { id, expiresAt, models, user } = key
  const limits = { ...(expiresAt && { expiresAt }), ...(models.length > 0 && { models }) }
  const { id: userId, name, role } = user
  const rateLimits = { user: withDefaults(user, defaults), key: pickRateLimits(key) }
  return { userId, name, role, credential: { kind: 'apiKey', id, ...limits }, rateLimits }
}

/** Locks the maker's user and key: a revocation of that key at the same time comes first, or finds the new key. */
async function holdAccess(tx: Prisma.TransactionClient, by: Viewer): Promise<void> {
  const [answer] = await tx.$queryRaw<{ isHeld: boolean }[]>`
    SELECT hold_access(${by.userId}::uuid, ${keyIdOf(by)}::uuid) AS "isHeld"`
  if (!answer?.isHeld) throw credentialsInvalid()
}

function ownerDisabled(): EaselError {
  return new EaselError('BAD_USER_INPUT', 'This user is disabled, so it gets no key.', {
    reason: 'USER_DISABLED',
    field: 'input.userId',
  })
}

function userNotFound(): EaselError {
  return new EaselError('NOT_FOUND', 'There is no such user.', { field: 'input.userId' })
}

/** Refuses a key of another user: that user knows it, and it may be revoked. */
function keyOfAnotherUser(name: string): EaselError {
  return new EaselError('BAD_USER_INPUT', `${name} is the API key of a user already: choose another one.`, {
    reason: 'API_KEY_TAKEN',
    field: name,
  })
}

function tooManyKeys(): EaselError {
  return new EaselError('BAD_USER_INPUT', `A user has at most ${maxActiveKeys} working API keys.`, {
    reason: 'TOO_MANY_API_KEYS',
    field: 'input.userId',
    allowed: { max: maxActiveKeys },
    hint: 'REVOKE_A_KEY',
  })
}
