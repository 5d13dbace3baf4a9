import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openEmbeddedDatabase } from '../../src/database/embedded-database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { createPostgresDatabase } from '../kit/database/postgres-database.ts'
import { createEmbeddedDatabase } from '../kit/database/test-database.ts'

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
  'SELECT name, cron FROM pgboss.schedule',
  'SELECT count(*) FROM pgboss.bam',
  'SELECT name FROM pgboss.queue ORDER BY 1',
  'SELECT name FROM pgboss.job_common ORDER BY 1',
]

/** The queue has a table for each day. */
const isOfOneDay = (value: unknown) => /queue_stats_\d/.test(String(value))

async function describeDatabase({ prisma, boss }: Database): Promise<unknown[]> {
  await boss.start()
  await boss.stop({ close: false, graceful: false })
  const found = []
  for (const sql of catalogs) {
    const rows = await prisma.$queryRawUnsafe<Record<string, unknown>[]>(sql)
    found.push(rows.filter((row) => !Object.values(row).some(isOfOneDay)))
  }
  return found
}

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

/** Of the queue: what some process has already done, and need not be done again for a while. */
const listPasses = ({ prisma }: Database) => prisma.$queryRaw`
  SELECT key FROM pgboss.version v, jsonb_each_text(to_jsonb(v)) WHERE key <> 'version' AND value IS NOT NULL
  UNION ALL
  SELECT key FROM pgboss.queue q, jsonb_each_text(to_jsonb(q))
   WHERE key LIKE '%\\_on' AND key NOT IN ('created_on', 'updated_on') AND value IS NOT NULL`

const ownerOf = ({ prisma }: Database) => prisma.storageOwner.findUniqueOrThrow({ where: { id: 1 } })

const where = { kind: 'server', poolSize: 1, queuePoolSize: 1, onError } as const
const engines = [
  {
    name: 'an embedded database',
    isHere: true,
    make: () => openEmbeddedDatabase({ folder, onError }),
    copy: createEmbeddedDatabase,
  },
  {
    name: 'a database of a server',
    isHere: findPostgres() !== null,
    make: async () => openDatabase({ ...where, url: await createPostgresDatabase({ isEmpty: true }) }),
    copy: async () => openDatabase({ ...where, url: await createPostgresDatabase() }),
  },
]

for (const { name, isHere, make, copy } of engines) {
  describe.skipIf(!isHere)(`${name} that was prepared`, () => {
    test('is what a first start makes', async () => {
      const made = await open(make())
      const copied = await open(copy())
      expect(await describeDatabase(copied)).toEqual(await describeDatabase(made))
      expect(await countRows(copied)).toEqual(await countRows(made))
    })

    test('has an id of its own, and a queue that has never looked', async () => {
      const one = await open(copy())
      const other = await open(copy())
      const [owner, another] = [await ownerOf(one), await ownerOf(other)]
      expect(owner.databaseId).not.toBe(another.databaseId)
      expect(owner).toMatchObject({ generation: null, sweptAt: null, leaseOwner: null })
      expect(await listPasses(one)).toEqual([])
    })
  })
}
