import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import type { Database, DatabaseListeners } from './database.ts'
import { applyMigrations } from './migrations.ts'
import { type Channel, channels, NotificationHub } from './notifications.ts'
import { createPrismaClient } from './prisma-client.ts'

/** How long a request waits for a free connection before it is told to come back. */
const poolWaitMs = 5_000
const reconnectMs = 1_000
/** A server that hangs without closing its connections is given up on: whoever asks is told to come back. */
const queryTimeoutMs = 30_000
/** A process that is frozen within a transaction would keep its rows from everybody else. */
const idleTransactionMs = 15_000

/** A PostgreSQL server that any number of gateway processes share. */
export async function openServerDatabase(
  options: { url: string; poolSize: number } & DatabaseListeners,
): Promise<Database> {
  const { url, poolSize, onError, onQuery } = options
  await migrate(url)
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: poolWaitMs,
    application_name: 'easel',
    keepAlive: true,
    query_timeout: queryTimeoutMs,
    idle_in_transaction_session_timeout: idleTransactionMs,
  })
  pool.on('error', onError)
  const prisma = createPrismaClient(
    new PrismaPg(pool, { disposeExternalPool: true, onPoolError: onError }),
    onQuery,
  )
  const boss = new PgBoss({
    connectionString: url,
    max: 3,
    application_name: 'easel-queue',
    useListenNotify: true,
  })
  boss.on('error', onError)
  const hub = new NotificationHub()
  const listener = await listen(url, hub, onError)
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

async function migrate(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'easel-migrations' })
  await client.connect()
  try {
    await applyMigrations({
      exec: async (sql) => void (await client.query(sql)),
      query: async (sql, values) => (await client.query<Record<string, unknown>>(sql, values)).rows,
    })
  } finally {
    await client.end()
  }
}

/** Holds one connection that listens, and makes a new one for as long as it takes whenever it breaks. */
async function listen(url: string, hub: NotificationHub, onError: (error: Error) => void) {
  let closed = false
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined

  const connect = async () => {
    const next = new pg.Client({ connectionString: url, application_name: 'easel-events', keepAlive: true })
    next.on('error', onError)
    next.on('notification', ({ channel, payload }) => hub.publish(channel as Channel, payload ?? ''))
    next.on('end', () => {
      if (!closed) timer = setTimeout(reconnect, reconnectMs)
    })
    client = next
    await next.connect()
    for (const channel of Object.values(channels)) await next.query(`LISTEN ${channel}`)
  }
  const reconnect = () => connect().catch(onError)

  await connect()
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await client?.end()
    },
  }
}
