import { pino } from 'pino'
import { v7 as newId } from 'uuid'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { endCheckBatch, markChecked, readEnds } from '../../src/operations/keep/half-ended.ts'
import { createRecovery } from '../../src/operations/run/recover-operations.ts'
import { growing, openExplainingDatabase } from '../kit/database/recorded-plans.ts'
import { historySql } from './history.ts'

const { database, plans, exec } = await openExplainingDatabase()

beforeAll(async () => {
  await exec(historySql)
})
afterEach(() => {
  plans.length = 0
})
afterAll(() => database.close())

test('the sweep for lost operations reads unfinished ones, whatever the history', async () => {
  const looked = Promise.withResolvers<void>()
  let sends = 0
  const recovery = createRecovery({
    database,
    // The last of a whole look is the second.
    queue: { sendMissing: async () => void (++sends === 2 && looked.resolve()) },
    spool: { list: async () => [{ attemptId: newId(), modifiedAt: new Date() }] },
    work: async () => {},
    leaseMs: 60_000,
    log: pino({ level: 'silent' }),
  })
  recovery.start()
  await looked.promise
  await recovery.stop()
  expect(plans.length).toBeGreaterThan(3)
  expect(growing(plans)).toEqual([])
})

test('the check of ends reads each operation once, and no history again', async () => {
  const { prisma } = database
  const lengths: number[] = []
  do {
    plans.length = 0
    const ends = await readEnds(prisma, new Date())
    expect(ends.filter(({ isWhole }) => !isWhole)).toEqual([])
    // Each has an attempt, which is looked at and is settled.
    expect(growing(plans, endCheckBatch)).toEqual([])
    lengths.push(ends.length)
    const last = ends.at(-1)
    if (last) await markChecked(prisma, last)
  } while (lengths.at(-1) === endCheckBatch)
  // 90 days of 20,000 operations over 120 still have what they were asked.
  expect(lengths.length).toBeGreaterThan(100)
  expect(await readEnds(prisma, new Date())).toEqual([])
})
