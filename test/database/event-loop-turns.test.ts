import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'

let database: Database

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

test('a crowd of transactions on the embedded database leaves everybody else their turns', async () => {
  let turns = 0
  const timer = setInterval(() => {
    turns++
  }, 1)
  const work = Array.from({ length: 60 }, () =>
    database.prisma.$transaction(async (tx) => {
      for (let index = 0; index < 5; index++) {
        await tx.user.create({ data: { id: crypto.randomUUID(), name: 'Ada' } })
      }
    }),
  )
  await Promise.all(work)
  clearInterval(timer)
  expect(turns).toBeGreaterThan(5)
  expect(await database.prisma.user.count()).toBe(300)
})
