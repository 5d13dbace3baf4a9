import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openEmbeddedDatabase } from '../../src/database/embedded-database.ts'
import { createTestDatabase } from '../kit/database.ts'

/*
 * Tests start from a copy of a database that was prepared. It is what they would have made themselves.
 */

let folder: string
let opened: Database[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-fresh-'))
  opened = []
})
afterEach(async () => {
  for (const database of opened) await database.close()
  await rm(folder, { recursive: true })
})

const onError = (error: Error) => {
  throw error
}

async function open(opening: Promise<Database>): Promise<Database> {
  const database = await opening
  opened.push(database)
  return database
}

const catalogs = [
  `SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default
   FROM information_schema.columns WHERE table_schema IN ('public', 'pgboss') ORDER BY 1, 2, 3`,
  `SELECT schemaname, indexname, indexdef FROM pg_indexes WHERE schemaname IN ('public', 'pgboss') ORDER BY 1, 2`,
  `SELECT conrelid::regclass::text AS "table", conname, pg_get_constraintdef(oid) AS definition
   FROM pg_constraint WHERE connamespace::regnamespace::text IN ('public', 'pgboss') ORDER BY 1, 2`,
  `SELECT oid::regprocedure::text AS name, md5(prosrc) AS body
   FROM pg_proc WHERE pronamespace::regnamespace::text IN ('public', 'pgboss') ORDER BY 1`,
  'SELECT migration_name, checksum FROM _prisma_migrations ORDER BY 1',
  'SELECT version FROM pgboss.version',
  `SELECT key, value = 'null' AS "isNull" FROM pgboss.version v, jsonb_each(to_jsonb(v)) ORDER BY 1`,
  'SELECT name, cron FROM pgboss.schedule',
  'SELECT count(*) FROM pgboss.bam',
  'SELECT name FROM pgboss.queue ORDER BY 1',
  'SELECT name FROM pgboss.job_common ORDER BY 1',
]

async function describeDatabase({ prisma, boss }: Database): Promise<unknown[]> {
  await boss.start()
  await boss.stop({ close: false, graceful: false })
  const found = []
  for (const sql of catalogs) found.push(await prisma.$queryRawUnsafe(sql))
  return found
}

/** Of each table the rows that are no migration. */
async function countRows({ prisma }: Database): Promise<Record<string, number>> {
  const tables = await prisma.$queryRaw<{ name: string }[]>`
    SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`
  const counts: Record<string, number> = {}
  for (const { name } of tables) {
    const rows = await prisma.$queryRawUnsafe<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM "${name}"`,
    )
    counts[name] = rows[0]?.count ?? 0
  }
  return counts
}

const ownerOf = ({ prisma }: Database) => prisma.storageOwner.findUniqueOrThrow({ where: { id: 1 } })

test('an embedded database that was prepared is what a first start makes', async () => {
  const fresh = await open(openEmbeddedDatabase({ folder, onError }))
  const prepared = await open(createTestDatabase())
  expect(await describeDatabase(prepared)).toEqual(await describeDatabase(fresh))
  expect(await countRows(prepared)).toEqual(await countRows(fresh))
})

test('each copy is a database with an id of its own, whose queue has never looked', async () => {
  const one = await open(createTestDatabase())
  const other = await open(createTestDatabase())
  const [owner, another] = [await ownerOf(one), await ownerOf(other)]
  expect(owner.databaseId).not.toBe(another.databaseId)
  expect(owner).toMatchObject({ generation: null, sweptAt: null, leaseOwner: null })
  expect(await one.prisma.$queryRaw`SELECT cron_on, bam_on FROM pgboss.version`).toEqual([
    { cron_on: null, bam_on: null },
  ])
})
