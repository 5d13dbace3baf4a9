import type { DatabaseTimeouts } from '../../../src/database/database.ts'

/** What a gateway is told, in the process of its test as in one of its own: JSON can carry it. */
export interface GatewayOptions {
  env?: Record<string, string>
  /** The text of the configuration file. */
  file?: string
  /** The data folder. */
  folder?: string
  /** A PostgreSQL server; without it the folder holds the database. */
  databaseUrl?: string | null | undefined
  /** Lower than a configuration file may ask for. */
  limits?: Record<string, number>
  /** Shorter than a configuration file may ask for. */
  retention?: Record<string, number>
  /** How long the gateway waits for its PostgreSQL server. */
  databaseTimeouts?: Partial<DatabaseTimeouts>
}
