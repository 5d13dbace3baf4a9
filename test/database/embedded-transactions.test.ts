import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { databaseFailure } from '../../src/database/database-failure.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { createEmbeddedDatabase } from '../kit/database/test-database.ts'

/** A COMMIT fails where a check was put off to it. */
const setUp = [
  'CREATE TABLE checked (id int)',
  'CREATE SEQUENCE tries',
  `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF NEW.id = 1 THEN RAISE EXCEPTION 'the commit fails'; END IF;
     IF NEW.id = 2 AND nextval('tries') < 3 THEN RAISE serialization_failure; END IF;
     RETURN NULL;
   END $$`,
  `CREATE CONSTRAINT TRIGGER late AFTER INSERT ON checked DEFERRABLE INITIALLY DEFERRED
     FOR EACH ROW EXECUTE FUNCTION refuse()`,
]

let database: Database
beforeAll(async () => {
  database = await createEmbeddedDatabase()
  for (const statement of setUp) await database.prisma.$executeRawUnsafe(statement)
})
afterAll(() => database.close())
beforeEach(() => database.prisma.$executeRaw`DELETE FROM checked`)

const insert = (id: number) =>
  inTransaction(database.prisma, async (tx) => {
    await tx.$executeRaw`INSERT INTO checked VALUES (${id})`
    return 'committed'
  })
const ids = async () =>
  (await database.prisma.$queryRaw<{ id: number }[]>`SELECT id FROM checked`).map(({ id }) => id)

describe('a transaction of the embedded database', () => {
  test('is committed when it says so', async () => {
    expect(await insert(0)).toBe('committed')
    expect(await ids()).toEqual([0])
  })

  test('fails when its COMMIT does, and leaves the database as it was', async () => {
    const error = await insert(1).catch((cause) => cause)
    expect(error).toBeInstanceOf(Error)
    expect(databaseFailure(error)).toBeNull()
    expect(await ids()).toEqual([])
    expect(await insert(0)).toBe('committed')
  })

  test('is done again when its COMMIT met another one', async () => {
    expect(await insert(2)).toBe('committed')
    expect(await ids()).toEqual([2])
  })

  test('fails alone among many', async () => {
    const results = await Promise.allSettled([0, 1, 0, 1, 0].map(insert))
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(await ids()).toEqual([0, 0, 0])
  })

  test('that is given up leaves nothing', async () => {
    const given = database.prisma.$transaction(async (tx) => {
      await tx.$executeRaw`INSERT INTO checked VALUES (0)`
      throw new Error('given up')
    })
    await expect(given).rejects.toThrow('given up')
    expect(await ids()).toEqual([])
  })

  test('that takes too long is rolled back whole, and what it asks for afterwards happens nowhere', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    let late: unknown
    const slow = database.prisma.$transaction(
      async (tx) => {
        await tx.$executeRaw`INSERT INTO checked VALUES (3)`
        vi.advanceTimersByTime(60_000)
        while (!late)
          late = await tx.$executeRaw`INSERT INTO checked VALUES (4)`.then(
            () => null,
            (error) => error,
          )
      },
      { timeout: 60_000 },
    )
    await expect(slow).rejects.toThrow()
    expect(databaseFailure(late)).toBe('UNAVAILABLE')
    expect(await insert(0)).toBe('committed')
    expect(await ids()).toEqual([0])
  })
})
