import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EaselError } from '../errors.ts'

/** The part of a database connection that migrations need. `exec` takes many statements, `query` one. */
export interface MigrationConnection {
  exec(sql: string): Promise<void>
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>
}

const ownFolder = join(import.meta.dirname, '../../prisma/migrations')

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

export interface MigrationOptions {
  /** Called with the reason why the start takes long. */
  onNotice?: ((message: string) => void) | undefined
  /** How long to wait for other processes and for transactions that hold locks. */
  patienceMs?: number
  /** Where the migrations are, each in a folder of its own. */
  folder?: string
}

/** An index of a large table takes minutes. */
const defaultPatienceMs = 5 * 60_000
const pauseMs = 500
/**
 * How long a migration waits for a lock on a table. Others queue behind it, so this is shorter than their own limit for a
 * lock. Then it lets them pass and tries again.
 */
const tableLockMs = 2_000

/** Applies what is missing of `prisma/migrations`, each in its own transaction, one process at a time. */
export async function applyMigrations(
  connection: MigrationConnection,
  { onNotice = () => {}, patienceMs = defaultPatienceMs, folder = ownFolder }: MigrationOptions = {},
): Promise<void> {
  const patience = { giveUpAt: performance.now() + patienceMs, patienceMs, onNotice }
  await waitForLock(connection, patience)
  try {
    await connection.exec(migrationTable)
    const rows = await connection.query(
      'SELECT migration_name FROM "_prisma_migrations" WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    )
    const applied = new Set(rows.map((row) => row.migration_name))
    for (const name of await migrationNames(folder)) {
      if (applied.has(name)) continue
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8')
      await apply(connection, { name, sql }, patience)
    }
  } finally {
    await connection.query('SELECT pg_advisory_unlock($1)', [advisoryLock])
  }
}

interface Patience {
  giveUpAt: number
  patienceMs: number
  onNotice: (message: string) => void
}

/** Polls for the lock: a process that waited within a statement would block the index build of the lock's holder. */
async function waitForLock(connection: MigrationConnection, patience: Patience): Promise<void> {
  const { giveUpAt, patienceMs, onNotice } = patience
  for (let tries = 1; ; tries++) {
    const rows = await connection.query('SELECT pg_try_advisory_lock($1) AS locked', [advisoryLock])
    if (rows[0]?.locked) return
    if (tries === 1) onNotice('another process migrates the database: waiting until it has finished')
    if (performance.now() > giveUpAt) {
      throw new EaselError(
        'UNAVAILABLE',
        `Another process has been migrating the database for ${patienceMs / 1_000} s. Start this one again when it ` +
          `has finished. Who it is: SELECT * FROM pg_locks WHERE locktype = 'advisory' AND objid = ${advisoryLock}.`,
        { reason: 'MIGRATION_LOCKED' },
      )
    }
    await pause(pauseMs)
  }
}

async function migrationNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

async function apply(
  connection: MigrationConnection,
  { name, sql }: { name: string; sql: string },
  patience: Patience,
): Promise<void> {
  const checksum = createHash('sha256').update(sql).digest('hex')
  const record = () =>
    connection.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), 1)`,
      [randomUUID(), checksum, name],
    )
  try {
    const index = concurrentIndex.exec(sql)?.[1]
    if (index) await buildIndex(connection, { index, sql, record })
    else await applyPatiently(connection, { name, sql, record }, patience)
  } catch (error) {
    throw new Error(`The migration ${name} failed`, { cause: error })
  }
}

interface Step {
  sql: string
  record: () => Promise<unknown>
}

/** Repeats a migration for as long as other transactions hold locks on its tables. */
async function applyPatiently(
  connection: MigrationConnection,
  { name, ...step }: Step & { name: string },
  { giveUpAt, onNotice }: Patience,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await applyAtOnce(connection, step)
    } catch (error) {
      if (!isLocked(error) || performance.now() > giveUpAt) throw error
      if (tries === 1) onNotice(`the migration ${name} waits for transactions that use its tables`)
      await pause(pauseMs)
    }
  }
}

async function applyAtOnce(connection: MigrationConnection, { sql, record }: Step): Promise<void> {
  await connection.exec('BEGIN')
  try {
    await connection.exec(`SET LOCAL lock_timeout = ${tableLockMs}`)
    await connection.exec(sql)
    await record()
    await connection.exec('COMMIT')
  } catch (error) {
    await connection.exec('ROLLBACK')
    throw error
  }
}

const isLocked = (error: unknown) => error instanceof Error && 'code' in error && error.code === '55P03'

/**
 * A migration of this one statement builds its index while others write, so it runs outside a transaction. If it is
 * interrupted, it leaves an invalid index, or a valid one that is not recorded where the process died after it.
 */
const concurrentIndex = /^(?:\s|--.*\n)*CREATE (?:UNIQUE )?INDEX CONCURRENTLY "?(\w+)"?/i

async function buildIndex(
  connection: MigrationConnection,
  { index, sql, record }: Step & { index: string },
): Promise<void> {
  const rows = await connection.query(
    'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
    [`"${index}"`],
  )
  if (rows[0]?.valid === false) await connection.exec(`DROP INDEX CONCURRENTLY "${index}"`)
  if (rows[0]?.valid !== true) await connection.exec(sql)
  await record()
}
