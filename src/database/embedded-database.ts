import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { dataDir as prepopulatedFolder } from '@electric-sql/pglite-prepopulatedfs'
import { fromPglite, PgBoss } from 'pg-boss'
import type { Database, DatabaseListeners } from './database.ts'
import { createEmbeddedAdapter } from './embedded-adapter.ts'
import { giveTurns } from './event-loop-turns.ts'
import { lockFolder } from './folder-lock.ts'
import { applyMigrations } from './migrations.ts'
import { channels, NotificationHub } from './notifications.ts'
import { createPrismaClient } from './prisma-client.ts'

/**
 * Transactions take turns in this process, so a long wait means that many came at once, not that the database is away.
 * After a minute few callers still wait for the answer.
 */
const turnWaitMs = 60_000
/** How long a transaction may run while the others wait. Prisma's default of 5 s is short for a busy machine. */
const transactionMs = 10_000

/** PostgreSQL in this process (PGlite) over `<folder>/postgres`. The folder belongs to one process at a time. */
export async function openEmbeddedDatabase(
  options: { folder: string } & DatabaseListeners,
): Promise<Database> {
  const folder = resolve(options.folder)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = lockFolder(folder)
  const pglite = await openPglite(folder).catch((error) => {
    lock.release()
    throw error
  })
  const database = await connectEmbedded(pglite, options)
  return {
    ...database,
    close: async () => {
      await database.close()
      lock.release()
    },
  }
}

/** Everything above a PGlite instance, which it then owns. */
export async function connectEmbedded(
  pglite: PGlite,
  { onError, onQuery }: DatabaseListeners,
): Promise<Database> {
  giveTurns(pglite)
  await applyMigrations({
    exec: async (sql) => void (await pglite.exec(sql)),
    query: async (sql, values) => (await pglite.query<Record<string, unknown>>(sql, values)).rows,
  })
  const hub = new NotificationHub()
  for (const channel of Object.values(channels)) {
    await pglite.listen(channel, (payload) => hub.publish(channel, payload))
  }
  const prisma = createPrismaClient(createEmbeddedAdapter(pglite), { turnWaitMs, transactionMs, onQuery })
  const boss = new PgBoss({
    db: fromPglite(pglite),
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
      await pglite.close()
    },
  }
}

/**
 * A new folder starts from PostgreSQL's own prepared files: initdb takes 3 s, this 0.8 s. They are unpacked beside the
 * final place and renamed, so a start that was killed half-way is simply done again.
 */
async function openPglite(folder: string): Promise<PGlite> {
  const home = join(folder, 'postgres')
  if (!existsSync(home)) {
    const unpacking = join(folder, 'postgres.new')
    await rm(unpacking, { recursive: true, force: true })
    const first = await PGlite.create({ dataDir: unpacking, loadDataDir: await prepopulatedFolder() })
    await first.close()
    await rename(unpacking, home)
  }
  return PGlite.create({ dataDir: home })
}
