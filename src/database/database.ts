import type { PgBoss } from 'pg-boss'
import type { DatabaseTimeouts } from './connection-pool.ts'
import type { PrismaClient } from './generated/client.ts'
import type { Notifications } from './notifications.ts'

export interface DatabaseListeners {
  /** Called with errors of background work. */
  onError: (error: Error) => void
  /** Called with messages for the operator during the start, such as that another process migrates. */
  onNotice?: ((message: string) => void) | undefined
  /** Hears of every statement that goes through Prisma, without its values. */
  onQuery?: ((sql: string) => void) | undefined
}

export type DatabasePlace =
  | { kind: 'embedded'; folder: string }
  | {
      kind: 'server'
      url: string
      /** Connections for everything but the queue. */
      poolSize: number
      /** Connections of the queue, beside the one on which it listens. */
      queuePoolSize: number
      timeouts?: Partial<DatabaseTimeouts>
    }

export type DatabaseOptions = DatabaseListeners & DatabasePlace

/** One PostgreSQL in two sizes: in a thread of this process over a folder, or a server that several processes share. */
export interface Database {
  readonly kind: 'embedded' | 'server'
  readonly prisma: PrismaClient
  readonly notifications: Notifications
  /** pg-boss on the same database, not started yet. */
  readonly boss: PgBoss
  close(): Promise<void>
}

export type { DatabaseTimeouts } from './connection-pool.ts'
export type { Prisma, PrismaClient } from './generated/client.ts'
