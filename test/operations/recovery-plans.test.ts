import { pino } from 'pino'
import { v7 as newId } from 'uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOperationQueue } from '../../src/database/queue.ts'
import { createRecovery } from '../../src/operations/recover-operations.ts'
import { growing, openExplainingDatabase } from '../kit/recorded-plans.ts'
import { historySql } from './history.ts'

const { database, plans, exec } = await openExplainingDatabase()

beforeAll(async () => {
  await exec(historySql)
  await database.boss.start()
})
afterAll(async () => {
  await database.boss.stop({ graceful: false })
  await database.close()
})

test('the sweep for lost operations reads unfinished ones, whatever the history', async () => {
  const recovery = createRecovery({
    database,
    queue: createOperationQueue(database.boss),
    spool: { list: async () => [{ attemptId: newId(), modifiedAt: new Date(), byteSize: 1 }] },
    work: async () => {},
    sweepMs: 60_000,
    log: pino({ level: 'silent' }),
  })
  await recovery.start()
  await recovery.stop()
  expect(plans.length).toBeGreaterThan(1)
  expect(growing(plans)).toEqual([])
})
