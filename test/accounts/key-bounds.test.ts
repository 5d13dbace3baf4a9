import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Accounts, createAccounts, type Viewer } from '../../src/accounts/accounts.ts'
import type { Database } from '../../src/database/database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'

/*
 * What a key may do, and what becomes of the keys that were made with it.
 */

const hourMs = 3_600_000
const dayMs = 24 * hourMs

let database: Database
let accounts: Accounts
let now: Date
let userId: string

beforeAll(async () => {
  database = await createTestDatabase()
})
beforeEach(async () => {
  now = new Date('2026-05-31T12:00:00Z')
  accounts = await createAccounts({
    prisma: database.prisma,
    notifications: database.notifications,
    auth: 'on',
    rateLimits: defaultLimits.rates,
    countsWithOthers: false,
    hashSecrets: ['hash secret'],
    maxTokenKeyMs: 2 * dayMs,
    now: () => now,
    newId: () => crypto.randomUUID(),
    onError: (error) => {
      throw error
    },
  })
  userId = (await accounts.createUser({ name: 'Ada', role: 'MEMBER' })).id
})
afterEach(() => accounts.close())
afterAll(() => database.close())

const use = (secret: string) => accounts.authenticate(new Headers({ authorization: `Bearer ${secret}` }))
const inMs = (ms: number) => new Date(now.getTime() + ms)
type Asked = { expiresAt?: Date | null; models?: string[] | null }
const make = (asked: Asked = {}, by?: Viewer) => accounts.createApiKey({ userId, name: 'k', ...asked }, by)

/** Somebody with a token. */
const holder = (role: Viewer['role'] = 'MEMBER'): Viewer => ({
  userId,
  name: 'Ada',
  role,
  credential: { kind: 'jwt', expiresAt: inMs(1_000) },
  rateLimits: { user: defaultLimits.rates, key: null },
})

/** A key that was made with the key before it, and so on. */
async function makeChain(length: number) {
  const chain = [await make()]
  while (chain.length < length) chain.push(await make({}, await use(chain.at(-1)?.secret ?? '')))
  return chain
}

const invalid = { code: 'UNAUTHENTICATED', details: { reason: 'CREDENTIALS_INVALID' } }

test('a key opens nothing from its expiry on, also one that was just used', async () => {
  const { secret } = await make({ expiresAt: inMs(hourMs) })
  now = inMs(hourMs - 1)
  expect(await use(secret)).toMatchObject({ credential: { expiresAt: inMs(1) } })
  now = inMs(1)
  await expect(use(secret)).rejects.toMatchObject(invalid)
})

test('a stream ends when its key expires', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { secret } = await make({ expiresAt: inMs(hourMs) })
  const ended = vi.fn()
  accounts.onRevoked(await use(secret), ended)
  vi.advanceTimersByTime(hourMs - 1)
  expect(ended).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(ended).toHaveBeenCalledOnce()
  vi.useRealTimers()
})

test('a key that would never open anything is not made', async () => {
  const outOfRange = { details: { reason: 'OUT_OF_RANGE', field: 'input.expiresAt' } }
  await expect(make({ expiresAt: now })).rejects.toMatchObject(outOfRange)
  await expect(make({ expiresAt: inMs(-1) }, holder('ADMIN'))).rejects.toMatchObject(outOfRange)
})

test('an expired key does not count among the keys that a user may have', async () => {
  await make({ expiresAt: inMs(hourMs) })
  const data = Array.from({ length: 99 }, (_, n) => ({
    id: crypto.randomUUID(),
    userId,
    name: 'k',
    prefix: 'easel_',
    hash: `${userId}${n}`,
  }))
  await database.prisma.apiKey.createMany({ data })
  await expect(make()).rejects.toMatchObject({ details: { reason: 'TOO_MANY_API_KEYS' } })
  now = inMs(hourMs)
  await make()
})

test('a token makes keys that expire within the limit, and an admin any', async () => {
  await expect(make({}, holder())).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    details: {
      reason: 'API_KEY_EXPIRY_MISSING',
      field: 'input.expiresAt',
      allowed: { max: inMs(2 * dayMs).toISOString() },
    },
  })
  await expect(make({ expiresAt: inMs(2 * dayMs + 1) }, holder())).rejects.toMatchObject({
    details: { reason: 'OUT_OF_RANGE', field: 'input.expiresAt' },
  })
  const { apiKey } = await make({ expiresAt: inMs(2 * dayMs) }, holder())
  expect(apiKey.expiresAt).toEqual(inMs(2 * dayMs))
  expect((await make({}, holder('ADMIN'))).apiKey.expiresAt).toBeNull()
})

test('a key makes none that lives longer or may use more than it may itself', async () => {
  const { secret } = await make({ expiresAt: inMs(dayMs), models: ['a', 'b'] })
  const by = await use(secret)
  expect(by.credential).toMatchObject({ models: ['a', 'b'] })
  expect((await make({}, by)).apiKey).toMatchObject({ expiresAt: inMs(dayMs), models: ['a', 'b'] })
  expect((await make({ expiresAt: inMs(1), models: ['b'] }, by)).apiKey).toMatchObject({ models: ['b'] })
  await expect(make({ expiresAt: inMs(dayMs + 1) }, by)).rejects.toMatchObject({
    details: { reason: 'OUT_OF_RANGE' },
  })
  await expect(make({ models: ['b', 'c'] }, by)).rejects.toMatchObject({
    code: 'FORBIDDEN',
    details: { reason: 'MODEL_NOT_ALLOWED', field: 'input.models', actual: 'c' },
  })
})

test('a key takes those that it made with it, and theirs, and no others', async () => {
  const other = await make()
  const [first, second, third] = await makeChain(3)
  const ended = new Promise<void>((resolve) => {
    void use(third?.secret ?? '').then((viewer) => accounts.onRevoked(viewer, resolve))
  })
  await use(third?.secret ?? '')
  await accounts.revokeApiKey(first?.apiKey.id ?? '')
  await ended
  for (const key of [first, second, third])
    await expect(use(key?.secret ?? '')).rejects.toMatchObject(invalid)
  await use(other.secret)
  const along = await database.prisma.apiKey.count({ where: { revokedWithId: first?.apiKey.id ?? '' } })
  expect(along).toBe(2)
})

test('a key that is revoked at the same moment makes none that works', async () => {
  const { apiKey, secret } = await make()
  const by = await use(secret)
  const made = Array.from({ length: 10 }, () => make({}, by))
  const [, ...answers] = await Promise.allSettled([accounts.revokeApiKey(apiKey.id), ...made])
  for (const answer of answers)
    if (answer.status === 'fulfilled') await expect(use(answer.value.secret)).rejects.toMatchObject(invalid)
  expect(await database.prisma.apiKey.count({ where: { userId, revokedAt: null } })).toBe(0)
})

test('everything of a user is revoked, and what was made with it, and counted', async () => {
  const chain = await makeChain(2)
  chain.push(await make())
  expect(await accounts.revokeAllKeys(userId)).toBe(3)
  for (const { secret } of chain) await expect(use(secret)).rejects.toMatchObject(invalid)
  expect(await accounts.revokeAllKeys(userId)).toBe(0)
  await expect(accounts.revokeAllKeys(crypto.randomUUID())).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
