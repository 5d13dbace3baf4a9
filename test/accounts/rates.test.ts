import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Accounts, createAccounts } from '../../src/accounts/accounts.ts'
import { hashesOf } from '../../src/accounts/api-key-secret.ts'
import { createSharedCounts } from '../../src/accounts/shared-counts.ts'
import type { Database } from '../../src/database/database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { until } from '../kit/until.ts'

const rateLimits = {
  requestsPerMinute: 40,
  imagesPerMinute: null,
  tokensPerMinute: null,
  concurrentOperations: null,
}
const startOfMinute = Date.parse('2026-05-31T12:00:00Z')

let database: Database
let time = startOfMinute
const opened: Accounts[] = []

beforeAll(async () => {
  database = await createTestDatabase()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((accounts) => accounts.close()))
  await database.prisma.rateCount.deleteMany()
  time = startOfMinute
})
afterAll(() => database.close())

async function open(countsWithOthers = false): Promise<Accounts> {
  const accounts = await createAccounts({
    prisma: database.prisma,
    notifications: database.notifications,
    auth: 'on',
    rateLimits,
    countsWithOthers,
    hashSecrets: ['hash secret'],
    now: () => new Date(time),
    newId: () => crypto.randomUUID(),
    onError: (error) => {
      throw error
    },
  })
  opened.push(accounts)
  return accounts
}

async function openWithKeys(accounts: Accounts) {
  const user = await accounts.createUser({ name: 'Ada', role: 'MEMBER' })
  const keys = [
    await accounts.createApiKey({ userId: user.id, name: 'one' }),
    await accounts.createApiKey({ userId: user.id, name: 'two' }),
  ] as const
  const view = (of: Accounts, index: 0 | 1) =>
    of.authenticate(new Headers({ authorization: `Bearer ${keys[index].secret}` }))
  return { user, keys, view }
}

/** How often one request after the other is admitted. */
async function countAdmitted(
  accounts: Accounts,
  view: () => ReturnType<Accounts['authenticate']>,
): Promise<number> {
  const viewer = await view()
  for (let count = 0; ; count++) {
    try {
      accounts.admit(viewer, { requests: 1 })
    } catch {
      return count
    }
  }
}

describe('the rates of a user', () => {
  test('are the defaults until they are set, and hold at once when they are', async () => {
    const accounts = await open()
    const { user, view } = await openWithKeys(accounts)
    expect(await countAdmitted(accounts, () => view(accounts, 0))).toBe(40)
    time += 60_000
    await accounts.setRateLimits({ userId: user.id }, { requestsPerMinute: 3 })
    expect(await countAdmitted(accounts, () => view(accounts, 0))).toBe(3)
    time += 60_000
    await accounts.setRateLimits({ userId: user.id }, { requestsPerMinute: null })
    expect(await countAdmitted(accounts, () => view(accounts, 0))).toBe(40)
  })

  test('are shared by the keys of the user, each of which may have less', async () => {
    const accounts = await open()
    const { keys, view } = await openWithKeys(accounts)
    await accounts.setRateLimits({ apiKeyId: keys[0].apiKey.id }, { requestsPerMinute: 10 })
    expect(await countAdmitted(accounts, () => view(accounts, 0))).toBe(10)
    expect(await countAdmitted(accounts, () => view(accounts, 1))).toBe(30)
  })

  test('count all of what is asked for, or nothing', async () => {
    const accounts = await open()
    const { user, view } = await openWithKeys(accounts)
    await accounts.setRateLimits({ userId: user.id }, { imagesPerMinute: 10, tokensPerMinute: 1_000 })
    const viewer = await view(accounts, 0)
    accounts.admit(viewer, { images: 4, tokens: 600 })
    expect(() => accounts.admit(viewer, { images: 4, tokens: 600 })).toThrow(
      expect.objectContaining({
        code: 'RATE_LIMITED',
        details: expect.objectContaining({ reason: 'TOKEN_RATE' }),
      }),
    )
    // The images of the refused one were not counted.
    accounts.admit(viewer, { images: 6, tokens: 400 })
    expect(() => accounts.admit(viewer, { images: 1 })).toThrow(/10 images/)
  })

  test('let one that is larger than a whole minute pass alone', async () => {
    const accounts = await open()
    const { user, view } = await openWithKeys(accounts)
    await accounts.setRateLimits({ userId: user.id }, { imagesPerMinute: 2 })
    const viewer = await view(accounts, 0)
    accounts.admit(viewer, { images: 10 })
    expect(() => accounts.admit(viewer, { images: 1 })).toThrow(/2 images/)
    expect(accounts.admit(viewer, { requests: 1 })).toMatchObject({ policy: 'user', remaining: 39 })
  })

  test('are counted with the other processes, but for a twentieth', async () => {
    const [here, there] = [await open(true), await open(true)]
    const { view } = await openWithKeys(here)
    const [viewer, same] = [await view(here, 0), await view(there, 0)]
    for (let count = 0; count < 20; count++) here.admit(viewer, { requests: 1 })
    await until(async () => (await told()) === 20n)
    // Two are told at a time: the first that this process tells is how it hears of the others.
    for (let count = 0; count < 2; count++) there.admit(same, { requests: 1 })
    await until(async () => (await told()) === 22n)
    const admitted = await countAdmitted(there, async () => same)
    expect(admitted).toBe(18)
    // The next minute begins with nothing, here and there.
    time += 60_000
    expect(await countAdmitted(here, async () => viewer)).toBe(40)
  })

  test('cost the database twenty statements a minute and process at most, however much is asked for', async () => {
    const accounts = await open(true)
    const { user, view } = await openWithKeys(accounts)
    await accounts.setRateLimits({ userId: user.id }, { requestsPerMinute: 10_000 })
    const viewer = await view(accounts, 0)
    for (let count = 0; count < 20_000; count++) {
      try {
        accounts.admit(viewer, { requests: 1 })
      } catch {}
    }
    await until(async () => (await told()) === 10_000n)
    expect(await database.prisma.rateCount.count()).toBe(1)
  })
})

test('points that the database did not take are told with the next ones, and it is not asked at each request', async () => {
  const { prisma } = database
  const errors: Error[] = []
  const onError = (error: Error) => void errors.push(error)
  const counts = createSharedCounts({ prisma, now: () => time, onError })
  const addOneByOne = async (points: number) => {
    for (let added = 0; added < points; added++) {
      counts.add('key', 1, 40)
      await counts.close()
    }
  }
  await prisma.$executeRaw`ALTER TABLE rate_count RENAME TO rate_count_away`
  await addOneByOne(9)
  await prisma.$executeRaw`ALTER TABLE rate_count_away RENAME TO rate_count`
  // Of nine points each second one was tried, and once the removal of old counts.
  expect(errors).toHaveLength(5)
  await addOneByOne(1)
  expect(await told()).toBe(10n)
  expect(counts.elsewhere('key')).toBe(0)
})

async function told(): Promise<bigint> {
  const { _sum } = await database.prisma.rateCount.aggregate({ _sum: { points: true } })
  return _sum.points ?? 0n
}

test('a wrong key is asked of the database once, until it may have become right', async () => {
  const accounts = await open()
  const headers = new Headers({ authorization: `Bearer easel_${'x'.repeat(43)}` })
  await expect(accounts.authenticate(headers)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  // Now the key exists; only a look at the database can tell.
  const user = await accounts.createUser({ name: 'Ada', role: 'MEMBER' })
  const [hash = ''] = hashesOf(`easel_${'x'.repeat(43)}`, ['hash secret'])
  const key = { id: crypto.randomUUID(), userId: user.id, name: 'late', prefix: 'easel_xx', hash }
  await database.prisma.apiKey.create({ data: key })
  await expect(accounts.authenticate(headers)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  time += 10_001
  await expect(accounts.authenticate(headers)).resolves.toMatchObject({ userId: user.id })
})
