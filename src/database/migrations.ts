import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The little of a database connection that migrations need. `exec` takes many statements, `query` one. */
export interface MigrationConnection {
  exec(sql: string): Promise<void>
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>
}

const folder = join(import.meta.dirname, '../../prisma/migrations')

/** The number `prisma migrate` itself locks with, so that both never migrate at once. */
const advisoryLock = 72_707_369

/** Prisma's own table, so that `prisma migrate deploy` and `prisma migrate status` agree with what was done here. */
const migrationTable = `
  CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL,
    "checksum" VARCHAR(64) NOT NULL,
    "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL,
    "logs" TEXT,
    "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "applied_steps_count" INTEGER NOT NULL DEFAULT 0
  )`

/** Applies what is missing of `prisma/migrations`, each in its own transaction, one process at a time. */
export async function applyMigrations(connection: MigrationConnection): Promise<void> {
  await connection.query('SELECT pg_advisory_lock($1)', [advisoryLock])
  try {
    await connection.exec(migrationTable)
    const rows = await connection.query(
      'SELECT migration_name FROM "_prisma_migrations" WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    )
    const applied = new Set(rows.map((row) => row.migration_name))
    for (const name of await migrationNames()) {
      if (!applied.has(name)) await apply(connection, name)
    }
  } finally {
    await connection.query('SELECT pg_advisory_unlock($1)', [advisoryLock])
  }
}

async function migrationNames(): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

async function apply(connection: MigrationConnection, name: string): Promise<void> {
  const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8')
  const checksum = createHash('sha256').update(sql).digest('hex')
  await connection.exec('BEGIN')
  try {
    await connection.exec(sql)
    await connection.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), 1)`,
      [randomUUID(), checksum, name],
    )
    await connection.exec('COMMIT')
  } catch (error) {
    await connection.exec('ROLLBACK')
    throw new Error(`The migration ${name} failed`, { cause: error })
  }
}
