import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { createEmbeddedDatabase } from '../kit/database/test-database.ts'
import { until } from '../kit/until.ts'

const crowd = 100
let database: Database

beforeAll(async () => {
  database = await createEmbeddedDatabase()
})
afterAll(() => database.close())
// Prisma counts the wait for a turn, and a transaction's own time, by timers.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** A transaction that has its turn until it is told to end. */
async function takeTurn() {
  const begun = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  const held = database.prisma.$transaction(
    async (tx) => {
      await tx.$queryRaw`SELECT 1`
      begun.resolve()
      await told.promise
    },
    { timeout: 600_000 },
  )
  onTestFinished(async () => {
    told.resolve()
    await held
  })
  await begun.promise
  return { end: () => told.resolve(), held }
}

const addUser = () =>
  inTransaction(database.prisma, (tx) =>
    tx.user.create({ data: { id: crypto.randomUUID(), name: 'Ada' }, select: { name: true } }),
  )

/** By which a transaction's wait is limited: Prisma's, and that of the connections. */
const timersOfEach = 2

/** Comes back when everybody waits. */
async function waitInLine(count: number) {
  const before = vi.getTimerCount()
  const results = Promise.allSettled(Array.from({ length: count }, addUser))
  await until(() => vi.getTimerCount() === before + count * timersOfEach)
  return { results }
}

test('a crowd on the embedded database gets its turns, however long those before it take', async () => {
  const first = await takeTurn()
  const { results } = await waitInLine(crowd)
  await vi.advanceTimersByTimeAsync(50_000)
  first.end()
  await first.held
  expect(await results).toEqual(Array(crowd).fill({ status: 'fulfilled', value: { name: 'Ada' } }))
  expect(await database.prisma.user.count()).toBe(crowd)
})

test('whoever gets no turn in the embedded database for a minute is told to come back, and writes nothing later', async () => {
  const before = await database.prisma.user.count()
  const first = await takeTurn()
  const { results } = await waitInLine(1)
  await vi.advanceTimersByTimeAsync(60_001)
  const [result] = await results
  expect(result).toMatchObject({
    status: 'rejected',
    reason: { code: 'UNAVAILABLE', details: { reason: 'DATABASE_UNAVAILABLE' } },
  })
  first.end()
  await first.held
  expect(await database.prisma.user.count()).toBe(before)
})
