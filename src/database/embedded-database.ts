import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { type Db, PgBoss } from 'pg-boss'
import { createConnectionPool, type DatabaseTimeouts } from './connection-pool.ts'
import type { Database, DatabaseListeners } from './database.ts'
import { startEmbeddedThread } from './embedded-thread.ts'
import { type FolderLock, lockFolder } from './folder-lock.ts'
import { applyMigrations } from './migrations.ts'
import { channels, NotificationHub } from './notifications.ts'
import { createPrismaClient } from './prisma-client.ts'
import { SessionListener } from './session-listener.ts'

/** Zero is no limit: PGlite has one session, so nobody waits for a lock, and it cannot break a statement off. */
const timeouts: DatabaseTimeouts = {
  /**
   * Transactions take turns on the only connection, so a long wait means that many came at once, not that the database
   * is away. After a minute few callers still wait for the answer.
   */
  poolWaitMs: 60_000,
  lockMs: 0,
  statementMs: 0,
  /** How long a transaction may run while the others wait. Prisma's default of 5 s is short for a busy machine. */
  transactionMs: 10_000,
  queryMs: 0,
  idleTransactionMs: 0,
}

/** Said here because pg looks for what is not said in the environment, where another database's may be. */
const session = { user: 'postgres', database: 'postgres', ssl: false }

/** PostgreSQL in a thread of this process (PGlite) over `<folder>/postgres`. A folder belongs to one process at a time. */
export async function openEmbeddedDatabase(
  options: { folder: string } & DatabaseListeners,
): Promise<Database> {
  const folder = resolve(options.folder)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = lockFolder(folder)
  try {
    return await openLocked(folder, lock, options)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openLocked(folder: string, lock: FolderLock, listeners: DatabaseListeners): Promise<Database> {
  const thread = await startEmbeddedThread(folder, listeners.onError)
  const database = await connectEmbedded(thread.connect, listeners).catch(async (error) => {
    await thread.close()
    throw error
  })
  return {
    ...database,
    close: async () => {
      await database.close()
      await thread.close()
      lock.release()
    },
  }
}

/** Everything above a PGlite, wherever it is. */
export async function connectEmbedded(
  connect: () => Duplex,
  { onError, onQuery }: DatabaseListeners,
): Promise<Database> {
  const listener = new SessionListener()
  const pool = createConnectionPool({
    connection: {
      ...session,
      stream: connect,
      onConnect: (client) => listener.attach(client),
      // Another connection would be to the same session.
      idleTimeoutMillis: 0,
    },
    size: 1,
    timeouts,
    onError,
  })
  await migrate(pool).catch(async (error) => {
    await pool.end()
    throw error
  })
  const hub = new NotificationHub()
  for (const channel of Object.values(channels))
    await listener.listen(pool, channel, (payload) => hub.publish(channel, payload))
  const prisma = createPrismaClient(new PrismaPg(pool), {
    turnWaitMs: timeouts.poolWaitMs,
    transactionMs: timeouts.transactionMs,
    onQuery,
  })
  const boss = new PgBoss({
    db: queueDatabase(pool, listener),
    backend: 'pglite',
    useListenNotify: true,
    reindex: false,
  })
  boss.on('error', onError)
  return {
    kind: 'embedded',
    prisma,
    notifications: hub,
    boss,
    close: async () => {
      await prisma.$disconnect()
      await pool.end()
    },
  }
}

async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await applyMigrations({
      exec: async (sql) => void (await client.query(sql)),
      query: async (sql, values) => (await client.query<Record<string, unknown>>(sql, values)).rows,
    })
  } finally {
    client.release()
  }
}

function queueDatabase(pool: pg.Pool, listener: SessionListener): Db {
  return {
    executeSql: (sql, values) => pool.query(sql, values),
    listen: async (channel, wake, onReconnect) => {
      const close = await listener.listen(pool, channel, wake)
      onReconnect()
      return { close }
    },
  }
}
