import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  applyMigrations,
  type MigrationConnection,
  type MigrationOptions,
} from '../../src/database/migrations.ts'
import { findPostgres } from '../kit/postgres.ts'
import { createPostgresDatabase } from '../kit/postgres-database.ts'

let holder: pg.Client
let client: pg.Client

let folder: string

const lock = 72_707_369

describe.skipIf(!findPostgres())('migrations on a PostgreSQL server', () => {
  beforeAll(async () => {
    const url = await createPostgresDatabase({ isEmpty: true })
    folder = await mkdtemp(join(tmpdir(), 'easel-migrations-'))
    holder = new pg.Client(url)
    client = new pg.Client(url)
    await Promise.all([holder.connect(), client.connect()])
    await author('1_table', 'CREATE TABLE thing (name text)')
  })
  afterAll(async () => {
    await Promise.all([holder.end(), client.end()])
    await rm(folder, { recursive: true })
  })

  const connection: MigrationConnection = {
    exec: async (sql) => void (await client.query(sql)),
    query: async (sql, values) => (await client.query<Record<string, unknown>>(sql, values)).rows,
  }
  const author = async (name: string, sql: string) => {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'migration.sql'), `-- Why it is there.\n${sql};\n`)
  }
  const migrate = (options: MigrationOptions = {}) => applyMigrations(connection, { folder, ...options })
  const applied = async () =>
    (await client.query('SELECT migration_name AS name FROM _prisma_migrations ORDER BY 1')).rows.map(
      ({ name }) => name,
    )

  test('wait for another process that migrates, say so, and give up with words', async () => {
    await holder.query('SELECT pg_advisory_lock($1)', [lock])
    const notices: string[] = []
    const migrating = migrate({ patienceMs: 0, onNotice: (text) => notices.push(text) })
    await expect(migrating).rejects.toMatchObject({ details: { reason: 'MIGRATION_LOCKED' } })
    expect(notices).toEqual(['another process migrates the database: waiting until it has finished'])
  })

  test('go on as soon as it has finished', async () => {
    await migrate({ onNotice: () => void holder.query('SELECT pg_advisory_unlock($1)', [lock]) })
    expect(await applied()).toEqual(['1_table'])
  })

  test('let those pass who wait behind a table that is in use, and try again', async () => {
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
    await client.query("INSERT INTO thing VALUES ('one', 1), ('one', 1)")
    await author('3_index', 'CREATE UNIQUE INDEX CONCURRENTLY "thing_name_key" ON "thing"("name")')
    await expect(migrate()).rejects.toThrow('The migration 3_index failed')
    const broken = "SELECT FROM pg_index WHERE indexrelid = 'thing_name_key'::regclass AND NOT indisvalid"
    expect((await client.query(broken)).rowCount).toBe(1)
    await client.query('TRUNCATE thing')
    await migrate()
    expect((await client.query(broken)).rowCount).toBe(0)
    expect(await applied()).toEqual(['1_table', '2_column', '3_index'])
  })

  test('record an index that was built by a process which died just then', async () => {
    await client.query("DELETE FROM _prisma_migrations WHERE migration_name = '3_index'")
    await migrate()
    expect(await applied()).toContain('3_index')
  })
})
