import { databaseTimeouts } from './connection-pool.ts'
import type { Database, DatabaseOptions } from './database.ts'
import { openEmbeddedDatabase } from './embedded-database.ts'
import { openServerDatabase } from './server-database.ts'

/** Opens the database and applies the migrations that are missing. */
export function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.kind === 'embedded') return openEmbeddedDatabase(options)
  return openServerDatabase({ ...options, timeouts: { ...databaseTimeouts, ...options.timeouts } })
}
