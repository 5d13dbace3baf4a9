import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { EaselError } from '../../src/errors.ts'
import type { BudgetChange } from '../../src/usage/budget.ts'
import { createUsage, type Usage } from '../../src/usage/usage.ts'
import { patientDatabase } from '../kit/database/patient-database.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { createPostgresDatabase } from '../kit/database/postgres-database.ts'
import { createEmbeddedDatabase } from '../kit/database/test-database.ts'
import { waitMs } from '../kit/limits.ts'
import { reserve as reserveIn } from '../kit/rooms/reserve.ts'
import { capture, createOperation, createUser, makeFigures, release, releaseAsLoss } from './usage-kit.ts'

const engines = [
  { kind: 'embedded', isHere: true },
  { kind: 'server', isHere: findPostgres() !== null },
] as const

const noon = new Date('2026-05-31T12:00:00Z')

for (const { kind, isHere } of engines) {
  describe.skipIf(!isHere)(`on the ${kind} database`, () => {
    let database: Database
    let usage: Usage
    beforeAll(async () => {
      database =
        kind === 'server'
          ? await openDatabase({
              kind: 'server',
              url: await createPostgresDatabase(),
              poolSize: 20,
              queuePoolSize: 2,
              timeouts: patientDatabase,
              onError: fail,
            })
          : await createEmbeddedDatabase()
      usage = createUsage({ prisma: database.prisma, now: () => noon, newId: () => crypto.randomUUID() })
    })
    afterAll(async () => {
      await database.close()
    })

    const transact = <T>(
      work: (tx: Parameters<Parameters<typeof database.prisma.$transaction>[0]>[0]) => Promise<T>,
    ) => database.prisma.$transaction(work, { maxWait: waitMs, timeout: waitMs })

    const reserve = (
      userId: string,
      more: { operationId?: string; tokens?: number; costMicros?: number; at?: Date } = {},
    ) =>
      reserveIn(database.prisma, usage, {
        operationId: crypto.randomUUID(),
        userId,
        at: noon,
        tokens: 10,
        costMicros: 100,
        ...more,
      })
    const userWith = async (budget: Omit<BudgetChange, 'userId'>) => {
      const userId = await createUser(database.prisma)
      await usage.setBudget({ userId, ...budget })
      return userId
    }
    const moneyOf = (userId: string) =>
      database.prisma.moneySpending.findFirstOrThrow({ where: { userId, period: 'TOTAL' } })
    const stateOf = async (userId: string) => (await usage.budgets([userId])).get(userId)?.[0]

    test('takes exactly as many of 200 concurrent reservations as the budget holds', async () => {
      const userId = await userWith({ period: 'DAY', unit: 'TOKENS', limit: 375n })
      const samples: bigint[] = []
      let running = true
      const sampling = (async () => {
        while (running) samples.push((await stateOf(userId))?.reserved ?? 0n)
      })()
      const operationIds = Array.from({ length: 200 }, () => crypto.randomUUID())
      const results = await Promise.allSettled(
        operationIds.map((operationId) => reserve(userId, { operationId })),
      )
      running = false
      await sampling

      const refused = results.filter((result) => result.status === 'rejected')
      expect(refused).toHaveLength(163)
      expect(
        refused.every(({ reason }) => reason instanceof EaselError && reason.code === 'BUDGET_EXCEEDED'),
      ).toBe(true)
      expect(samples.every((reserved) => reserved <= 375n)).toBe(true)
      const accepted = operationIds.filter((_, index) => results[index]?.status === 'fulfilled')
      await Promise.all(accepted.map((operationId) => release(database.prisma, usage, operationId)))
      expect(await stateOf(userId)).toMatchObject({ used: 0n, reserved: 0n, remaining: 375n })
    })

    test('never passes the limit while captures and releases run against reservations', async () => {
      const userId = await userWith({ period: 'TOTAL', unit: 'MONEY', limit: 1_000n })
      const life = async (index: number) => {
        const operationId = await createOperation(database.prisma, userId)
        try {
          await reserve(userId, { operationId })
        } catch {
          return 0
        }
        expect((await stateOf(userId))?.remaining).toBeGreaterThanOrEqual(0n)
        if (index % 2 === 0) {
          await release(database.prisma, usage, operationId)
          return 0
        }
        const figures = makeFigures({ costMicros: 60 })
        await transact((tx) => capture(tx, usage, ownerOf(operationId, userId), { figures }))
        return 1
      }
      const captured = (await Promise.all(Array.from({ length: 60 }, (_, index) => life(index)))).reduce(
        sum,
        0,
      )
      const state = await stateOf(userId)
      expect(state).toMatchObject({ used: BigInt(captured * 60), reserved: 0n })
      expect(state?.used).toBeLessThanOrEqual(1_000n)
      await expectLedgerToBalance(userId)
    })

    test('gives each of many first requests of a new user its place', async () => {
      const userId = await createUser(database.prisma)
      await Promise.all(Array.from({ length: 20 }, () => reserve(userId)))
      const rows = await database.prisma.spending.findMany({ where: { userId }, orderBy: { period: 'asc' } })
      expect(
        rows.map((row) => [row.period, row.windowStart.toISOString().slice(0, 10), row.tokensReserved]),
      ).toEqual([
        ['DAY', '2026-05-31', 200n],
        ['MONTH', '2026-05-01', 200n],
        ['TOTAL', '1970-01-01', 200n],
      ])
    })

    test('tells which budget does not hold, what is left and when it starts anew', async () => {
      const userId = await userWith({ period: 'MONTH', unit: 'MONEY', limit: 250n })
      await usage.setBudget({ userId, period: 'TOTAL', unit: 'TOKENS', limit: 1_000n })
      await reserve(userId, { costMicros: 100 })
      await expect(reserve(userId, { costMicros: 151 })).rejects.toMatchObject({
        code: 'BUDGET_EXCEEDED',
        details: {
          reason: 'MONTH_MONEY',
          budget: { period: 'MONTH', unit: 'MONEY' },
          limit: '250',
          remaining: '150',
          asked: '151',
          resetsAt: '2026-06-01T00:00:00.000Z',
        },
      })
      await reserve(userId, { costMicros: 150 })
    })

    test('leaves nothing reserved by a refused request', async () => {
      const userId = await userWith({ period: 'DAY', unit: 'TOKENS', limit: 5n })
      await expect(reserve(userId)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
      expect(
        await database.prisma.spending.findMany({ where: { userId, NOT: { tokensReserved: 0n } } }),
      ).toEqual([])
      expect(await database.prisma.ledgerEntry.count({ where: { userId } })).toBe(0)
    })

    test('does not let a spent budget of tokens stop what takes no tokens', async () => {
      const userId = await userWith({ period: 'DAY', unit: 'TOKENS', limit: 0n })
      await reserve(userId, { tokens: 0, costMicros: 40_000 })
      await expect(reserve(userId, { tokens: 1 })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
    })

    test('books a capture after midnight into the windows of the reservation', async () => {
      const userId = await userWith({ period: 'MONTH', unit: 'TOKENS', limit: 100n })
      const operationId = await createOperation(database.prisma, userId)
      await reserve(userId, { operationId, at: new Date('2026-05-31T23:59:59.999Z') })
      const june = new Date('2026-06-01T00:00:00Z')
      await reserve(userId, { at: june, tokens: 90 })
      const figures = makeFigures({ totalTokens: 7 })
      await transact((tx) => capture(tx, usage, { ...ownerOf(operationId, userId), at: june }, { figures }))

      const months = await database.prisma.spending.findMany({
        where: { userId, period: 'MONTH' },
        orderBy: { windowStart: 'asc' },
      })
      expect(months).toMatchObject([
        { tokensUsed: 7n, tokensReserved: 0n },
        { tokensUsed: 0n, tokensReserved: 90n },
      ])
      expect(await database.prisma.usageHour.findMany({ where: { userId }, select: { hour: true } })).toEqual(
        [{ hour: june }],
      )
      await expectLedgerToBalance(userId)
    })

    test('captures once, however often and by however many it is asked', async () => {
      const userId = await createUser(database.prisma)
      const operationId = await createOperation(database.prisma, userId)
      await reserve(userId, { operationId })
      const owner = ownerOf(operationId, userId)
      const figures = makeFigures({ totalTokens: 9, costMicros: 90 })
      const results = await Promise.all(
        Array.from({ length: 8 }, () => transact((tx) => capture(tx, usage, owner, { figures }))),
      )
      expect(results.filter(({ isSettled }) => isSettled)).toHaveLength(1)
      expect(await release(database.prisma, usage, operationId)).toMatchObject({ isSettled: false })
      expect(await releaseAsLoss(database.prisma, usage, operationId)).toMatchObject({ isSettled: false })
      const day = await database.prisma.usageHour.findFirstOrThrow({ where: { userId } })
      expect(day).toMatchObject({ operations: 1n, totalTokens: 9n, costMicros: 90n })
      expect(await database.prisma.spending.findMany({ where: { userId } })).toMatchObject(
        Array.from({ length: 3 }, () => ({
          tokensUsed: 9n,
          tokensReserved: 0n,
        })),
      )
      expect(await database.prisma.moneySpending.findMany({ where: { userId } })).toMatchObject(
        Array.from({ length: 3 }, () => ({ currency: 'USD', usedMicros: 90n, reservedMicros: 0n })),
      )
      await expectLedgerToBalance(userId)
    })

    test('posts more than was foreseen, says so, and refuses what comes next', async () => {
      const userId = await userWith({ period: 'TOTAL', unit: 'TOKENS', limit: 10n })
      const operationId = await createOperation(database.prisma, userId)
      await reserve(userId, { operationId })
      const figures = makeFigures({ totalTokens: 14 })
      const result = await transact((tx) => capture(tx, usage, ownerOf(operationId, userId), { figures }))
      expect(result).toMatchObject({ isSettled: true, exceeded: true })
      expect(await stateOf(userId)).toMatchObject({ used: 14n, reserved: 0n, remaining: 0n, resetsAt: null })
      await expect(reserve(userId, { tokens: 1 })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
      await expectLedgerToBalance(userId)
    })

    test('books an outcome nobody knows as a loss of the house, not of the user', async () => {
      const userId = await createUser(database.prisma)
      const operationId = await createOperation(database.prisma, userId)
      await reserve(userId, { operationId })
      expect(await releaseAsLoss(database.prisma, usage, operationId)).toMatchObject({ isSettled: true })
      const loss = await database.prisma.ledgerEntry.findMany({
        where: { operationId, kind: 'PROVIDER_LOSS' },
      })
      expect(loss).toMatchObject([{ tokens: 10n, costMicros: 100n }])
      const total = await database.prisma.spending.findFirstOrThrow({ where: { userId, period: 'TOTAL' } })
      expect(total).toMatchObject({ tokensUsed: 0n, tokensReserved: 0n })
      expect(await moneyOf(userId)).toMatchObject({ usedMicros: 0n, reservedMicros: 0n })
    })

    test('books the share of what nobody knows as a loss beside what the user pays', async () => {
      const userId = await createUser(database.prisma)
      const operationId = await createOperation(database.prisma, userId)
      await reserve(userId, { operationId })
      const figures = makeFigures({ totalTokens: 4, costMicros: 40 })
      const taken = { figures, unknown: { images: 1, of: 3 } }
      const settled = await transact((tx) => capture(tx, usage, ownerOf(operationId, userId), taken))
      expect(settled).toMatchObject({ isSettled: true })
      const entries = await database.prisma.ledgerEntry.findMany({ where: { operationId } })
      const amounts = entries.map(({ kind, tokens, costMicros }) => [kind, tokens, costMicros])
      expect(amounts).toContainEqual(['CAPTURE', 4n, 40n])
      expect(amounts).toContainEqual(['PROVIDER_LOSS', 4n, 34n])
      const total = await database.prisma.spending.findFirstOrThrow({ where: { userId, period: 'TOTAL' } })
      expect(total).toMatchObject({ tokensUsed: 4n, tokensReserved: 0n })
      expect(await moneyOf(userId)).toMatchObject({ usedMicros: 40n, reservedMicros: 0n })
      await expectLedgerToBalance(userId)
    })

    test('undoes a reservation with the transaction it belongs to', async () => {
      const userId = await createUser(database.prisma)
      const failing = transact(async (tx) => {
        await reserveIn(tx, usage, {
          operationId: crypto.randomUUID(),
          userId,
          at: noon,
          tokens: 10,
          costMicros: 0,
        })
        throw new Error('the job could not be queued')
      })
      await expect(failing).rejects.toThrow('the job could not be queued')
      expect(await database.prisma.spending.count({ where: { userId } })).toBe(0)
    })

    /** reserved = RESERVE - CAPTURE - RELEASE, used = CAPTURE. */
    const expectLedgerToBalance = async (userId: string) => {
      const entries = await database.prisma.ledgerEntry.findMany({ where: { userId } })
      const total = await database.prisma.spending.findFirstOrThrow({ where: { userId, period: 'TOTAL' } })
      const sumOf = (kind: string) =>
        entries.filter((entry) => entry.kind === kind).reduce((n, entry) => n + entry.tokens, 0n)
      expect(total.tokensUsed).toBe(sumOf('CAPTURE'))
      expect(total.tokensReserved).toBe(sumOf('RESERVE') - sumOf('CAPTURE') - sumOf('RELEASE'))
    }
  })
}

function ownerOf(operationId: string, userId: string) {
  return {
    operationId,
    userId,
    endUser: null,
    provider: 'sandbox',
    model: 'gpt-image-1',
    kind: 'EDIT',
    at: noon,
  } as const
}

function sum(one: number, other: number): number {
  return one + other
}

function fail(error: Error): never {
  throw error
}
