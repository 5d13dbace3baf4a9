import { afterAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import { createUsage } from '../../src/usage/usage.ts'
import { findPostgres, type PostgresServer, startPostgres } from '../kit/database/postgres.ts'
import { reserve } from '../kit/rooms/reserve.ts'
import { capture, createOperation, createUser, makeFigures, release } from './usage-kit.ts'

const at = new Date('2026-05-31T12:00:00Z')

let server: PostgresServer | null = null
afterAll(() => server?.stop())

/** A crash of the server breaks connections by design; what must hold is what is in the tables. */
async function open(url: string) {
  const database = await openDatabase({
    kind: 'server',
    url,
    poolSize: 2,
    queuePoolSize: 2,
    onError: () => {},
  })
  const usage = createUsage({ prisma: database.prisma, now: () => at, newId: () => crypto.randomUUID() })
  return { database, usage }
}

test.skipIf(!findPostgres())('keeps what was reserved and captured when the database crashes', async () => {
  server = await startPostgres()
  if (!server) throw new Error('No server')
  const before = await open(server.url)
  const userId = await createUser(before.database.prisma)
  await before.usage.setBudget({ userId, period: 'TOTAL', unit: 'TOKENS', limit: 100n })
  const operationIds = await Promise.all([1, 2].map(() => createOperation(before.database.prisma, userId)))
  for (const operationId of operationIds) {
    const reservation = { operationId, userId, at, tokens: 40, costMicros: 0 }
    await reserve(before.database.prisma, before.usage, reservation)
  }
  const unfinished = before.database.prisma.$transaction(async (tx) => {
    await release(tx, before.usage, operationIds[1] ?? '')
    await server?.crash()
  })
  await expect(unfinished).rejects.toThrow()
  await before.database.close()

  await server.restart()
  const { database, usage } = await open(server.url)
  const stateOf = async () => (await usage.budgets([userId])).get(userId)?.[0]
  expect(await stateOf()).toMatchObject({ used: 0n, reserved: 80n })
  const owner = { userId, endUser: null, provider: 'p', model: 'm', kind: 'EDIT', at } as const
  for (const operationId of operationIds) {
    const figures = makeFigures({ totalTokens: 30 })
    await database.prisma.$transaction((tx) => capture(tx, usage, { ...owner, operationId }, { figures }))
  }
  expect(await stateOf()).toMatchObject({ used: 60n, reserved: 0n, remaining: 40n })
  expect(await usage.verifyRollUps({ repair: false })).toEqual({ agrees: true, differences: 0 })
  await database.close()
})
