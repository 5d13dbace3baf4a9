import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  applyMigrations,
  type MigrationConnection,
  type MigrationOptions,
} from '../../src/database/migrations.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { createPostgresDatabase } from '../kit/database/postgres-database.ts'

let holder: pg.Client
let client: pg.Client

let root: string
let folder: string

const lock = 72_707_369

describe.skipIf(!findPostgres())('migrations on a PostgreSQL server', () => {
  beforeAll(async () => {
    const url = await createPostgresDatabase({ isEmpty: true })
    root = await mkdtemp(join(tmpdir(), 'easel-migrations-'))
    holder = new pg.Client(url)
    client = new pg.Client(url)
    await Promise.all([holder.connect(), client.connect()])
  })
  /** A schema and a folder of each case's own, with one migration. */
  beforeEach(async () => {
    const name = randomUUID()
    folder = join(root, name)
    await client.query(`CREATE SCHEMA "${name}"`)
    for (const each of [holder, client]) await each.query(`SET search_path TO "${name}"`)
    await author('1_table', 'CREATE TABLE thing (name text)')
  })
  afterEach(async () => {
    await holder.query('ROLLBACK')
    await holder.query('SELECT pg_advisory_unlock_all()')
  })
  afterAll(async () => {
    await Promise.all([holder.end(), client.end()])
    await rm(root, { recursive: true })
  })

  const connection: MigrationConnection = {
    exec: async (sql) => void (await client.query(sql)),
    query: async (sql, values) => (await client.query<Record<string, unknown>>(sql, values)).rows,
  }
  const author = async (name: string, sql: string) => {
    await mkdir(join(folder, name), { recursive: true })
    await writeFile(join(folder, name, 'migration.sql'), `-- Why it is there.\n${sql};\n`)
  }
  const migrate = (options: MigrationOptions = {}) => applyMigrations(connection, { folder, ...options })
  const lockOut = () => holder.query('SELECT pg_advisory_lock($1)', [lock])
  const authorIndex = () =>
    author('2_index', 'CREATE UNIQUE INDEX CONCURRENTLY "thing_name_key" ON "thing"("name")')
  const countIndexes = async (condition: string) =>
    (
      await client.query(
        `SELECT FROM pg_index WHERE indexrelid = 'thing_name_key'::regclass AND ${condition}`,
      )
    ).rowCount
  const applied = async () =>
    (await client.query('SELECT migration_name AS name FROM _prisma_migrations ORDER BY 1')).rows.map(
      ({ name }) => name,
    )

  test('wait for another process that migrates, say so, and give up with words', async () => {
    await lockOut()
    const notices: string[] = []
    const migrating = migrate({ patienceMs: 0, onNotice: (text) => notices.push(text) })
    await expect(migrating).rejects.toMatchObject({ details: { reason: 'MIGRATION_LOCKED' } })
    expect(notices).toEqual(['another process migrates the database: waiting until it has finished'])
  })

  test('go on as soon as it has finished', async () => {
    await lockOut()
    await migrate({ onNotice: () => void holder.query('SELECT pg_advisory_unlock($1)', [lock]) })
    expect(await applied()).toEqual(['1_table'])
  })

  test('let those pass who wait behind a table that is in use, and try again', async () => {
    await migrate()
    await author('2_column', 'ALTER TABLE thing ADD COLUMN size int')
    await holder.query('BEGIN; LOCK TABLE thing IN ACCESS SHARE MODE')
    const notices: string[] = []
    await migrate({
      onNotice: (text) => {
        notices.push(text)
        void holder.query('COMMIT')
      },
    })
    expect(notices).toEqual(['the migration 2_column waits for transactions that use its tables'])
    expect(await applied()).toEqual(['1_table', '2_column'])
  })

  test('build an index while others write, and anew where that was broken off', async () => {
    await migrate()
    await client.query("INSERT INTO thing VALUES ('one'), ('one')")
    await authorIndex()
    await expect(migrate()).rejects.toThrow('The migration 2_index failed')
    expect(await countIndexes('NOT indisvalid')).toBe(1)
    await client.query('TRUNCATE thing')
    await migrate()
    expect(await countIndexes('indisvalid')).toBe(1)
    expect(await applied()).toEqual(['1_table', '2_index'])
  })

  test('record an index that was built by a process which died just then', async () => {
    await authorIndex()
    await migrate()
    await client.query("DELETE FROM _prisma_migrations WHERE migration_name = '2_index'")
    await migrate()
    expect(await countIndexes('indisvalid')).toBe(1)
    expect(await applied()).toEqual(['1_table', '2_index'])
  })
})
