import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Accounts, type AccountsOptions, createAccounts } from '../../src/accounts/accounts.ts'
import type { Database, PrismaClient } from '../../src/database/database.ts'
import { channels } from '../../src/database/notifications.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'

const { addressRequestsPerMinute: _, ...userRates } = defaultLimits.rates
const noRates = {
  requestsPerMinute: null,
  imagesPerMinute: null,
  tokensPerMinute: null,
  concurrentOperations: null,
}

let database: Database
let now: Date
const opened: Accounts[] = []
beforeAll(async () => {
  database = await createTestDatabase()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((accounts) => accounts.close()))
})
afterAll(() => database.close())

async function open(some: Partial<AccountsOptions> = {}): Promise<Accounts> {
  now ??= new Date('2026-05-31T12:00:00Z')
  const accounts = await createAccounts({
    prisma: database.prisma,
    notifications: database.notifications,
    auth: 'on',
    rateLimits: defaultLimits.rates,
    countsWithOthers: false,
    hashSecrets: ['hash secret'],
    now: () => now,
    newId: () => crypto.randomUUID(),
    onError: (error) => {
      throw error
    },
    ...some,
  })
  opened.push(accounts)
  return accounts
}

const bearer = (secret: string) => new Headers({ authorization: `Bearer ${secret}` })
const later = (ms: number) => {
  now = new Date(now.getTime() + ms)
}

async function openWithKey(some: Partial<AccountsOptions> = {}) {
  const accounts = await open(some)
  const user = await accounts.createUser({ name: 'Ada', role: 'MEMBER' })
  return { accounts, user, ...(await accounts.createApiKey({ userId: user.id, name: 'laptop' })) }
}

describe('an API key', () => {
  test('opens its user, in either header', async () => {
    const { accounts, user, apiKey, secret } = await openWithKey()
    expect(secret).toMatch(/^easel_[\w-]{43}$/)
    const viewer = {
      userId: user.id,
      name: 'Ada',
      role: 'MEMBER',
      credential: { kind: 'apiKey', id: apiKey.id },
      rateLimits: { user: userRates, key: noRates },
    }
    expect(await accounts.authenticate(bearer(secret))).toEqual(viewer)
    expect(await accounts.authenticate(new Headers({ 'x-api-key': secret }))).toEqual(viewer)
    expect(
      await accounts.authenticate(new Headers({ authorization: 'Basic YTpi', 'x-api-key': secret })),
    ).toEqual(viewer)
  })

  test('is kept as a hash only', async () => {
    const { apiKey, secret } = await openWithKey()
    const row = await database.prisma.apiKey.findUniqueOrThrow({ where: { id: apiKey.id } })
    expect(row.prefix).toBe(secret.slice(0, 12))
    expect(row.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.stringify(row)).not.toContain(secret.slice(12))
    expect(apiKey).not.toHaveProperty('hash')
  })

  test.each([
    ['a wrong one', 'Bearer easel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['an empty one', 'Bearer easel_'],
    ['one that looks like SQL', "Bearer easel_'--"],
    ['a token where there is no issuer', 'Bearer e30.e30.e30'],
    ['a huge one', `Bearer ${'x'.repeat(100_000)}`],
  ])('is refused in the same words: %s', async (_, authorization) => {
    const accounts = await open()
    await expect(accounts.authenticate(new Headers({ authorization }))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'The API key or token is not valid.',
      details: { reason: 'CREDENTIALS_INVALID' },
    })
  })

  test.each([[{}], [{ authorization: 'Bearer' }], [{ authorization: 'Bearer a b' }], [{ 'x-api-key': ' ' }]])(
    'is asked for when there is none in %j',
    async (headers) => {
      const accounts = await open()
      await expect(
        accounts.authenticate(new Headers(headers as Record<string, string>)),
      ).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
        details: { reason: 'CREDENTIALS_MISSING' },
      })
    },
  )

  test('opens nothing the moment it is revoked, and its streams end', async () => {
    const { accounts, apiKey, secret } = await openWithKey()
    const viewer = await accounts.authenticate(bearer(secret))
    let ended = 0
    accounts.onRevoked(viewer, () => ended++)
    const revoked = await accounts.revokeApiKey(apiKey.id)
    expect(revoked.revokedAt).toEqual(now)
    expect(ended).toBe(1)
    await expect(accounts.authenticate(bearer(secret))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    expect((await accounts.revokeApiKey(apiKey.id)).revokedAt).toEqual(revoked.revokedAt)
    expect(ended).toBe(1)
  })

  test('opens nothing in another process either, as soon as that one hears of it', async () => {
    const { accounts, apiKey, secret } = await openWithKey()
    const other = await open()
    const viewer = await other.authenticate(bearer(secret))
    const heard = Promise.withResolvers<void>()
    other.onRevoked(viewer, heard.resolve)
    await accounts.revokeApiKey(apiKey.id)
    await heard.promise
    await expect(other.authenticate(bearer(secret))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('is trusted for ten seconds by a process that hears nothing, and its streams end at the next look', async () => {
    const deaf = { subscribe: () => () => {} }
    const { accounts, apiKey, secret } = await openWithKey()
    const other = await open({ notifications: deaf })
    const viewer = await other.authenticate(bearer(secret))
    const ended = Promise.withResolvers<void>()
    other.onRevoked(viewer, ended.resolve)
    // Behind the look that watching begins with: that one is to find nothing yet.
    await other.recheck()
    await accounts.revokeApiKey(apiKey.id)
    later(10_000)
    await other.authenticate(bearer(secret))
    later(1)
    await expect(other.authenticate(bearer(secret))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await other.recheck()
    await ended.promise
  })

  test('ends a stream that starts after it was revoked', async () => {
    const { accounts, apiKey, secret } = await openWithKey()
    const viewer = await accounts.authenticate(bearer(secret))
    await accounts.revokeApiKey(apiKey.id)
    await new Promise<void>((resolve) => accounts.onRevoked(viewer, resolve))
  })

  test('is not remembered by a look-up that a revocation overtook', async () => {
    const { accounts, apiKey, secret } = await openWithKey()
    const read = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    const slow = database.prisma.$extends({
      query: {
        apiKey: {
          findFirst: async ({ args, query }) => {
            const key = await query(args)
            read.resolve()
            await answer.promise
            return key
          },
        },
      },
    }) as unknown as PrismaClient
    const other = await open({ prisma: slow })
    const early = other.authenticate(bearer(secret))
    await read.promise
    const heard = Promise.withResolvers<void>()
    // The revocation of a case before may be heard late.
    const stop = database.notifications.subscribe(channels.revocation, (id) => {
      if (id === apiKey.id) heard.resolve()
    })
    await accounts.revokeApiKey(apiKey.id)
    await heard.promise
    stop()
    answer.resolve()
    await early
    await expect(other.authenticate(bearer(secret))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('does not call back who stopped listening', async () => {
    const { accounts, apiKey, secret } = await openWithKey()
    const viewer = await accounts.authenticate(bearer(secret))
    let ended = false
    const stop = accounts.onRevoked(viewer, () => {
      ended = true
    })
    stop()
    await accounts.revokeApiKey(apiKey.id)
    expect(ended).toBe(false)
  })

  test('notes its use at most once a minute', async () => {
    const { accounts, apiKey, secret } = await openWithKey()
    const lastUsed = async () => {
      await accounts.close()
      return (await database.prisma.apiKey.findUniqueOrThrow({ where: { id: apiKey.id } })).lastUsedAt
    }
    const first = now
    await accounts.authenticate(bearer(secret))
    expect(await lastUsed()).toEqual(first)
    later(59_999)
    await accounts.authenticate(bearer(secret))
    expect(await lastUsed()).toEqual(first)
    later(1)
    await accounts.authenticate(bearer(secret))
    expect(await lastUsed()).toEqual(now)
  })

  test('outlives a change of the hash secret, and then the former one', async () => {
    const { secret } = await openWithKey({ hashSecrets: ['old'] })
    const between = await open({ hashSecrets: ['new', 'old'] })
    await between.authenticate(bearer(secret))
    await between.close()
    await (await open({ hashSecrets: ['new'] })).authenticate(bearer(secret))
    await expect((await open({ hashSecrets: ['old'] })).authenticate(bearer(secret))).rejects.toThrow()
  })

  test('moves to the new hash secret also when its use has just been noted', async () => {
    const { accounts, secret } = await openWithKey({ hashSecrets: ['old'] })
    await accounts.authenticate(bearer(secret))
    await accounts.close()
    const between = await open({ hashSecrets: ['new', 'old'] })
    await between.authenticate(bearer(secret))
    await between.close()
    await (await open({ hashSecrets: ['new'] })).authenticate(bearer(secret))
  })

  test('is one of at most 100 also when all are asked for at once', async () => {
    const { accounts, user } = await openWithKey()
    const asked = Array.from({ length: 110 }, (_, n) =>
      accounts.createApiKey({ userId: user.id, name: `${n}` }),
    )
    const made = (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled')
    expect(made).toHaveLength(99)
  })

  test('is one of at most 100 of a user', async () => {
    const { accounts, user, apiKey } = await openWithKey()
    for (let made = 1; made < 100; made++) await accounts.createApiKey({ userId: user.id, name: `${made}` })
    const another = { userId: user.id, name: 'one more' }
    await expect(accounts.createApiKey(another)).rejects.toMatchObject({
      details: { reason: 'TOO_MANY_API_KEYS' },
    })
    await accounts.revokeApiKey(apiKey.id)
    await accounts.createApiKey(another)
    expect(await database.prisma.apiKey.count({ where: { userId: user.id } })).toBe(101)
  })

  test('needs a user', async () => {
    const accounts = await open()
    const request = { userId: crypto.randomUUID(), name: 'nobody' }
    await expect(accounts.createApiKey(request)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(accounts.revokeApiKey(crypto.randomUUID())).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('the first admin', () => {
  const former = 'a key that the operator chose'
  const current = 'another key of the operator'

  test('has the key of the configuration, at every start the same one', async () => {
    const accounts = await open({ adminKey: former })
    const viewer = await accounts.authenticate(new Headers({ 'x-api-key': former }))
    expect(viewer).toMatchObject({ name: 'admin', role: 'ADMIN' })
    const again = await open({ adminKey: former })
    expect(await again.authenticate(new Headers({ 'x-api-key': former }))).toEqual(viewer)
    const working = await database.prisma.apiKey.findMany({
      where: { userId: viewer.userId, revokedAt: null },
    })
    expect(working).toMatchObject([{ name: 'EASEL_ADMIN_KEY', prefix: 'a ke' }])
  })

  test('loses a former key when it changes, and gets it back when it is set again', async () => {
    const headersOf = (key: string) => new Headers({ 'x-api-key': key })
    const first = await open({ adminKey: former })
    await first.authenticate(headersOf(former))
    const second = await open({ adminKey: current })
    await second.authenticate(headersOf(current))
    await expect(second.authenticate(headersOf(former))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    const third = await open({ adminKey: former })
    await third.authenticate(headersOf(former))
    await expect((await open()).authenticate(headersOf(former))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    })
  })

  test('does not take over the key of a user, revoked or not', async () => {
    const { accounts, apiKey, secret } = await openWithKey()
    const taken = { code: 'BAD_USER_INPUT', details: { field: 'EASEL_ADMIN_KEY', reason: 'API_KEY_TAKEN' } }
    await expect(open({ adminKey: secret })).rejects.toMatchObject(taken)
    await accounts.revokeApiKey(apiKey.id)
    await expect(open({ adminKey: secret })).rejects.toMatchObject(taken)
    await expect(accounts.authenticate(bearer(secret))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('is made once by many processes that start at once', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => open({ adminKey: current })))
    const viewers = await Promise.all(
      all.map((one) => one.authenticate(new Headers({ 'x-api-key': current }))),
    )
    expect(new Set(viewers.map((viewer) => JSON.stringify(viewer))).size).toBe(1)
  })
})

test('with authentication off everybody is the admin local, made once', async () => {
  const [one, other] = await Promise.all([open({ auth: 'off' }), open({ auth: 'off' })])
  const viewer = await one.authenticate(new Headers())
  expect(viewer).toMatchObject({ name: 'local', role: 'ADMIN', credential: { kind: 'none' } })
  expect(await other.authenticate(bearer('anything'))).toEqual(viewer)
  expect(one.onRevoked(viewer, () => {})).toBeTypeOf('function')
})
