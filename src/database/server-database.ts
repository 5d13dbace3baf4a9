import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { connectionRules, createConnectionPool, type DatabaseTimeouts } from './connection-pool.ts'
import type { Database, DatabaseListeners, DatabasePlace } from './database.ts'
import { applyMigrations } from './migrations.ts'
import { startListener } from './notification-listener.ts'
import { NotificationHub } from './notifications.ts'
import { createPrismaClient } from './prisma-client.ts'

export type ServerDatabaseOptions = DatabaseListeners &
  Extract<DatabasePlace, { kind: 'server' }> & { timeouts: DatabaseTimeouts }

/** A PostgreSQL server that any number of gateway processes share. */
export async function openServerDatabase(options: ServerDatabaseOptions): Promise<Database> {
  const { url, poolSize, queuePoolSize, timeouts, onError, onQuery } = options
  await migrate(options)
  const pool = createConnectionPool({
    connection: { connectionString: url },
    size: poolSize,
    timeouts,
    onError,
  })
  const prisma = createPrismaClient(new PrismaPg(pool, { disposeExternalPool: true, onPoolError: onError }), {
    turnWaitMs: timeouts.poolWaitMs,
    transactionMs: timeouts.transactionMs,
    onQuery,
  })
  const boss = new PgBoss({
    connectionString: url,
    max: queuePoolSize,
    application_name: 'easel-queue',
    useListenNotify: true,
    // Its pool closes a connection at any error, and takes none back within a transaction (pg-boss 12.35, db.ts).
    ...connectionRules(timeouts),
  })
  boss.on('error', onError)
  const hub = new NotificationHub()
  const listener = await startListener({ url, hub, onError })
  return {
    kind: 'server',
    prisma,
    notifications: hub,
    boss,
    close: async () => {
      await listener.close()
      await prisma.$disconnect()
    },
  }
}

async function migrate({ url, onError, onNotice }: ServerDatabaseOptions): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'easel-migrations' })
  client.on('error', onError)
  await client.connect()
  try {
    await applyMigrations(
      {
        exec: async (sql) => void (await client.query(sql)),
        query: async (sql, values) => (await client.query<Record<string, unknown>>(sql, values)).rows,
      },
      { onNotice },
    )
  } finally {
    await client.end()
  }
}
