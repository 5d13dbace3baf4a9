import { join } from 'node:path'
import { pino } from 'pino'
import { v7 as newId } from 'uuid'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createCalendar } from '../../src/calendar.ts'
import { createHourlyJob } from '../../src/database/queue.ts'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createImages, type Images } from '../../src/images/images.ts'
import type { Storage } from '../../src/images/storage.ts'
import { endCheckBatch, markChecked, readEnds } from '../../src/operations/keep/half-ended.ts'
import { createRetention } from '../../src/operations/keep/retention.ts'
import { createSpool } from '../../src/operations/keep/spool.ts'
import { createRecovery } from '../../src/operations/run/recover-operations.ts'
import { reportLosses } from '../../src/usage/provider-loss.ts'
import { report } from '../../src/usage/usage-report.ts'
import { growing, openExplainingDatabase } from '../kit/database/recorded-plans.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { historySql } from './history.ts'

const mending = { mendAll: async () => {} }

/*
 * No statement that runs by itself may grow with history: operations are kept for ever.
 */

const dayMs = 24 * 3_600_000
const limits = {
  partialImagesMs: dayMs,
  failedSourcesMs: dayMs / 24,
  resultsMs: 30 * dayMs,
  operationsMs: 90 * dayMs,
  spoolMs: 0,
  tempMs: dayMs,
  quarantineMs: 30 * dayMs,
}
const log = pino({ level: 'silent' })
const { database, plans, exec } = await openExplainingDatabase()
const { prisma } = database

let folder: string
let images: Images
/** Two days of operations have come of age since the last time. */
const now = () => new Date(Date.now() + 2 * dayMs)

beforeAll(async () => {
  folder = await makeFolder()
  await exec(historySql)
  const files = createFileStorage({ folder: join(folder, 'images'), newId })
  images = createImages({
    prisma,
    storage: { ...files, deleteMany: async () => {}, pages: listHistory },
    stagingDir: join(folder, 'staging'),
    cacheDir: join(folder, 'cache'),
    publicUrl: 'http://127.0.0.1',
    signingKeys: [{ id: 'k', secret: 'a-secret-of-this-test' }],
    limits: defaultLimits.images,
    now: () => now(),
    newId,
  })
})
afterAll(async () => {
  await database.close()
  await removeFolder(folder)
})
afterEach(() => {
  plans.length = 0
})

/** What a storage with all of these images would show, and a thousand that no row names. */
async function* listHistory(): ReturnType<Storage['pages']> {
  const rows = await prisma.image.findMany({ select: { storageKey: true }, orderBy: { storageKey: 'asc' } })
  for (let from = 0; from < rows.length; from += 1_000) {
    yield rows
      .slice(from, from + 1_000)
      .map(({ storageKey }) => ({ key: storageKey, modifiedAt: new Date(0) }))
  }
}

const indexes = () => new Set(plans.flatMap(({ scans }) => scans.flatMap(({ index }) => index ?? [])))

test('the guard tells a statement that reads history', async () => {
  await prisma.operation.findMany({ where: { provider: 'nobody' } })
  expect(growing(plans)).toEqual([expect.stringMatching(/^Seq Scan of operation, 22150 rows for nothing/)])
})

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

test('retention reads about what it changes', async () => {
  const job = createHourlyJob(database.boss, 'retention-under-test')
  const spool = createSpool({ folder: join(folder, 'spool'), log })
  const retention = createRetention({ mending, database, images, spool, job, limits, now, log })
  const removed = await retention.removeExpired()
  // A day and two days of 166 operations, and an hour of 150 that failed: many batches.
  expect(Object.values(removed).every((count) => count >= 150)).toBe(true)
  // Beside what goes, a hundred operations have four rows each that stay.
  expect(growing(plans, 400)).toEqual([])
  expect(growing(plans.filter(({ sql }) => sql.includes('LIMIT')))).toEqual([])
  expect(indexes()).toContain('image_partial_idx')
  expect(indexes()).toContain('operation_made_nothing_idx')
  expect(indexes()).toContain('operation_with_images_idx')
  expect(indexes()).toContain('operation_with_input_idx')
  expect(
    await prisma.operation.count({
      where: {
        finishedAt: { lt: new Date(now().getTime() - limits.operationsMs) },
        fingerprint: { not: '' },
      },
    }),
  ).toBe(0)
  expect(await retention.removeExpired()).toEqual({
    partialImages: 0,
    failedSources: 0,
    results: 0,
    operations: 0,
  })
})

test('the sweep of the storage asks once for each page, by the keys of the page', async () => {
  expect(await images.sweepStorage(limits)).toMatchObject({ dead: 0 })
  const reads = plans.filter(({ sql }) => sql.includes('FROM operation o'))
  expect(reads.length).toBeGreaterThanOrEqual(4)
  expect(growing(plans.filter(({ sql }) => !sql.includes('ORDER BY')))).toEqual([])
})

test('reports read the time they are about', async () => {
  const range = { from: new Date(Date.now() - dayMs), to: new Date() }
  const money = { currency: 'USD', rates: [{ from: 'RUB', to: 'USD', rate: '0.0105', since: '2026-01-01' }] }
  await reportLosses(prisma, range)
  for (const timeZone of ['UTC', 'Europe/Moscow', 'Asia/Kathmandu'])
    for (const groupBy of [['HOUR'], ['DAY'], ['MONTH'], []] as const)
      await report(prisma, { ...range, groupBy, filter: {} }, { calendar: createCalendar(timeZone), money })
  expect(growing(plans)).toEqual([])
})
