import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { endUserPseudonym } from '../../src/usage/end-user-pseudonym.ts'
import { createUsage, type Usage } from '../../src/usage/usage.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { reserve } from '../kit/rooms/reserve.ts'
import { createUser } from './usage-kit.ts'

let database: Database
let usage: Usage
let now = new Date('2026-12-31T12:00:00Z')
beforeAll(async () => {
  database = await createTestDatabase()
  usage = createUsage({ prisma: database.prisma, now: () => now, newId: () => crypto.randomUUID() })
})
afterAll(() => database.close())

test('shows the budgets of many users at once', async () => {
  const [ada, bob, eve] = await Promise.all([1, 2, 3].map(() => createUser(database.prisma)))
  if (!ada || !bob || !eve) throw new Error('No users')
  await usage.setBudget({ userId: ada, period: 'DAY', unit: 'TOKENS', limit: 100n })
  await usage.setBudget({ userId: ada, period: 'MONTH', unit: 'MONEY', limit: 5_000_000n })
  await usage.setBudget({ userId: bob, period: 'TOTAL', unit: 'TOKENS', limit: 7n })
  const reservation = {
    operationId: crypto.randomUUID(),
    userId: ada,
    at: now,
    tokens: 30,
    costMicros: 1_000,
  }
  await reserve(database.prisma, usage, reservation)

  const budgets = await usage.budgets([ada, bob, eve])
  expect(budgets.get(ada)).toMatchObject([
    { period: 'DAY', used: 0n, reserved: 30n, remaining: 70n, resetsAt: new Date('2027-01-01T00:00:00Z') },
    {
      period: 'MONTH',
      used: 0n,
      reserved: 1_000n,
      remaining: 4_999_000n,
      resetsAt: new Date('2027-01-01T00:00:00Z'),
    },
  ])
  expect(budgets.get(bob)).toMatchObject([
    { period: 'TOTAL', limit: 7n, reserved: 0n, remaining: 7n, resetsAt: null },
  ])
  expect(budgets.get(eve)).toEqual([])

  now = new Date('2027-01-01T00:00:00Z')
  expect((await usage.budgets([ada])).get(ada)).toMatchObject([{ reserved: 0n }, { reserved: 0n }])
})

test('begins days and months at the midnights of its time zone', async () => {
  const [prisma, newId] = [database.prisma, () => crypto.randomUUID()]
  const zoned = createUsage({ prisma, now: () => now, newId, timeZone: 'America/New_York' })
  const userId = await createUser(prisma)
  for (const period of ['DAY', 'MONTH', 'TOTAL'] as const)
    await zoned.setBudget({ userId, period, unit: 'TOKENS', limit: 100n })
  const look = async (at: string) => {
    now = new Date(at)
    const budgets = (await zoned.budgets([userId])).get(userId) ?? []
    return budgets.map(({ reserved, resetsAt }) => [reserved, resetsAt?.toISOString() ?? null])
  }
  const at = new Date('2026-11-02T04:59:59.999Z')
  await reserve(prisma, zoned, { operationId: newId(), userId, at, tokens: 30, costMicros: 0 })
  // The day of 25 hours on which clocks are put back, and the month that began in summer time.
  expect(await look('2026-11-01T04:00:00Z')).toEqual([
    [30n, '2026-11-02T05:00:00.000Z'],
    [30n, '2026-12-01T05:00:00.000Z'],
    [30n, null],
  ])
  expect(await look('2026-11-01T03:59:59.999Z')).toEqual([
    [0n, '2026-11-01T04:00:00.000Z'],
    [0n, '2026-11-01T04:00:00.000Z'],
    [30n, null],
  ])
  expect((await look('2026-11-02T05:00:00Z'))[0]).toEqual([0n, '2026-11-03T05:00:00.000Z'])
})

test('keeps what was used on a date when the zone changes, so that no date has two budgets', async () => {
  const { prisma } = database
  const newId = () => crypto.randomUUID()
  const inZone = (timeZone: string) => createUsage({ prisma, now: () => now, newId, timeZone })
  const [moscow, utc] = [inZone('Europe/Moscow'), inZone('UTC')]
  const userId = await createUser(prisma)
  await utc.setBudget({ userId, period: 'DAY', unit: 'TOKENS', limit: 100n })
  const spend = (room: Usage, tokens: number) =>
    reserve(prisma, room, { operationId: newId(), userId, at: now, tokens, costMicros: 0 })
  const look = async (room: Usage) => (await room.budgets([userId])).get(userId)?.[0]
  const [refused, dayMs] = [{ code: 'BUDGET_EXCEEDED' }, 24 * 3_600_000]

  now = new Date('2026-11-24T20:00:00Z')
  await spend(utc, 60)
  expect(await look(moscow)).toMatchObject({ reserved: 60n, resetsAt: new Date('2026-11-24T21:00:00Z') })
  // Forward: the 25th begins with the change, and is one date in both zones.
  now = new Date('2026-11-24T22:00:00Z')
  await spend(moscow, 70)
  await expect(spend(moscow, 31)).rejects.toMatchObject(refused)
  // Back: it is the 24th once more, with what was used on it; then the 25th goes on.
  await expect(spend(utc, 41)).rejects.toMatchObject(refused)
  await spend(utc, 40)
  now = new Date('2026-11-25T00:00:00Z')
  expect(await look(utc)).toMatchObject({ reserved: 70n, remaining: 30n })
  await expect(spend(utc, 31)).rejects.toMatchObject(refused)
  for (const room of [moscow, utc]) {
    const { resetsAt } = (await look(room)) ?? {}
    expect(resetsAt?.getTime()).toBeLessThanOrEqual(now.getTime() + dayMs)
  }
  now = new Date('2026-11-26T00:00:00Z')
  expect(await look(utc)).toMatchObject({ remaining: 100n })
})

test('changes a limit, and takes it away', async () => {
  const userId = await createUser(database.prisma)
  const budget = { userId, period: 'DAY', unit: 'TOKENS' } as const
  await usage.setBudget({ ...budget, limit: 5n })
  await usage.setBudget({ ...budget, limit: 6n })
  expect((await usage.budgets([userId])).get(userId)).toMatchObject([{ limit: 6n }])
  await usage.setBudget({ ...budget, limit: null })
  expect((await usage.budgets([userId])).get(userId)).toEqual([])
})

test.each([-1n, 2n ** 63n])('refuses a limit of %s', async (limit) => {
  const userId = await createUser(database.prisma)
  await expect(usage.setBudget({ userId, period: 'DAY', unit: 'MONEY', limit })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { field: 'input.limit', actual: `${limit}` },
  })
})

test('refuses a budget for a user who does not exist', async () => {
  const change = { userId: crypto.randomUUID(), period: 'DAY', unit: 'MONEY', limit: 1n } as const
  await expect(usage.setBudget(change)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(usage.setBudget({ ...change, limit: null })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('gives an end user the same pseudonym each time, another one for every account, and no way back', () => {
  const pseudonym = endUserPseudonym('secret', 'user-1', 'ada@example.com')
  expect(pseudonym).toBe(endUserPseudonym('secret', 'user-1', 'ada@example.com'))
  expect(pseudonym).not.toBe(endUserPseudonym('secret', 'user-2', 'ada@example.com'))
  expect(pseudonym).not.toBe(endUserPseudonym('other', 'user-1', 'ada@example.com'))
  expect(pseudonym).toMatch(/^[\w-]{43}$/)
})
