import type { PgBoss } from 'pg-boss'
import { openEmbeddedDatabase } from './embedded-database.ts'
import type { PrismaClient } from './generated/client.ts'
import type { Notifications } from './notifications.ts'
import { openServerDatabase } from './server-database.ts'

export interface DatabaseListeners {
  /** Failures off any request's path. */
  onError: (error: Error) => void
  /** Hears of every statement that goes through Prisma, without its values. */
  onQuery?: ((sql: string) => void) | undefined
}

export type DatabaseOptions = DatabaseListeners &
  ({ kind: 'embedded'; folder: string } | { kind: 'server'; url: string; poolSize: number })

/** One PostgreSQL in two sizes: in this process over a folder, or a server that several processes share. */
export interface Database {
  readonly kind: 'embedded' | 'server'
  readonly prisma: PrismaClient
  readonly notifications: Notifications
  /** pg-boss on the same database, not started yet. */
  readonly boss: PgBoss
  close(): Promise<void>
}

export type { Prisma, PrismaClient } from './generated/client.ts'

/** Opens the database and applies the migrations that are missing. */
export function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.kind === 'embedded' ? openEmbeddedDatabase(options) : openServerDatabase(options)
}
