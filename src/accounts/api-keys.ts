import { LRUCache } from 'lru-cache'
import type { Prisma, PrismaClient } from '../database/database.ts'
import type { ApiKey, User } from '../database/generated/client.ts'
import { channels } from '../database/notifications.ts'
import { EaselError } from '../errors.ts'
import { hashesOf, isOneOf, maxKeyLength, newApiKeySecret, prefixOf } from './api-key-secret.ts'
import { credentialsInvalid } from './credential-error.ts'
import { pickRateLimits, type RateLimits, withDefaults } from './rate-limits.ts'
import type { Revocations } from './revocations.ts'
import type { Viewer } from './viewer.ts'

/** The facts of a key that Easel shows. */
export type ApiKeyFacts = Omit<ApiKey, 'hash'>

/** A revocation is notified at once; if the notification is lost, a cached key works for this much longer. */
const cacheMs = 10_000
const maxCached = 10_000
const lastUsedStepMs = 60_000
const maxActiveKeys = 100
/** Keys that are remembered as wrong, for as long as those that work are remembered as right. */
const maxWrong = 10_000

export interface ApiKeys {
  authenticate(secret: string): Promise<Viewer>
  create(request: { userId: string; name: string }): Promise<{ apiKey: ApiKeyFacts; secret: string }>
  revoke(id: string): Promise<ApiKeyFacts>
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
  const { prisma, revocations, hashSecrets, rateLimits, now, newId, onError } = options
  const perf = { now: () => now().getTime() }
  const cache = new LRUCache<string, Known>({ max: maxCached, ttl: cacheMs, ttlResolution: 0, perf })
  const wrong = new LRUCache<string, true>({ max: maxWrong, ttl: cacheMs, ttlResolution: 0, perf })
  const writes = new Set<Promise<void>>()
  let revoked = 0
  revocations.onKey((keyId) => {
    revoked++
    for (const [hash, key] of [...cache.entries()]) if (key.id === keyId) cache.delete(hash)
  })

  const hashNew = (secret: string) => hashesOf(secret, hashSecrets)[0] as string

  const lookUp = async (hashes: string[]): Promise<Known> => {
    const before = revoked
    const where = { hash: { in: hashes }, revokedAt: null }
    const key = await prisma.apiKey.findFirst({ where, include: { user: true } })
    if (!key || !isOneOf(key.hash, hashes)) {
      wrong.set(hashes[0] as string, true)
      throw credentialsInvalid()
    }
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

  const revokeWhere = async (id: string): Promise<void> => {
    await prisma.$transaction(async (tx) => {
      const { count } = await tx.apiKey.updateMany({
        where: { id, revokedAt: null },
        data: { revokedAt: now() },
      })
      if (count > 0) await tx.$executeRaw`SELECT pg_notify(${channels.revocation}, ${id})`
    })
    revocations.announce(id)
  }

  const describeKey = ({ userId, name, secret }: { userId: string; name: string; secret: string }) => ({
    id: newId(),
    userId,
    name,
    prefix: prefixOf(secret),
    hash: hashNew(secret),
    createdAt: now(),
  })

  const createKey = async (tx: Prisma.TransactionClient, request: { userId: string; name: string }) => {
    const { userId } = request
    // The lock makes many requests at once count each other's keys.
    const locked = await tx.$queryRaw<unknown[]>`SELECT id FROM "user" WHERE id = ${userId}::uuid FOR UPDATE`
    if (locked.length === 0) throw userNotFound()
    const active = await tx.apiKey.count({ where: { userId, revokedAt: null } })
    if (active >= maxActiveKeys) throw tooManyKeys()
    const secret = newApiKeySecret()
    const apiKey = await tx.apiKey.create({
      data: describeKey({ ...request, secret }),
      omit: { hash: true },
    })
    return { apiKey, secret }
  }

  return {
    authenticate: async (secret) => {
      if (secret.length > maxKeyLength) throw credentialsInvalid()
      const hashes = hashesOf(secret, hashSecrets)
      const [hash = ''] = hashes
      if (wrong.has(hash)) throw credentialsInvalid()
      const key = cache.get(hash) ?? (await lookUp(hashes))
      noteUse(key, hash)
      const { id: userId, name, role } = key.user
      const limits = { user: withDefaults(key.user, rateLimits), key: pickRateLimits(key) }
      return { userId, name, role, credential: { kind: 'apiKey', id: key.id }, rateLimits: limits }
    },
    create: (request) => prisma.$transaction((tx) => createKey(tx, request)),
    revoke: async (id) => {
      await revokeWhere(id)
      const apiKey = await prisma.apiKey.findUnique({ where: { id }, omit: { hash: true } })
      if (!apiKey) throw new EaselError('NOT_FOUND', 'There is no such API key.', { field: 'id' })
      return apiKey
    },
    exist: async () =>
      (await prisma.apiKey.findFirst({ where: { revokedAt: null }, select: { id: true } })) !== null,
    replace: async ({ userId, name, secret }) => {
      const hashes = secret === null ? [] : hashesOf(secret, hashSecrets)
      const former = { userId, name, revokedAt: null, hash: { notIn: hashes } }
      for (const { id } of await prisma.apiKey.findMany({ where: former })) await revokeWhere(id)
      if (secret === null) return
      wrong.clear()
      const same = await prisma.apiKey.findFirst({ where: { hash: { in: hashes } } })
      if (same && same.userId !== userId) throw keyOfAnotherUser(name)
      if (same) {
        await prisma.apiKey.update({ where: { id: same.id }, data: { name, revokedAt: null } })
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
