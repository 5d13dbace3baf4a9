import type { Logger } from 'pino'
import type { Config, Secrets } from '../config/config.ts'
import type { DatabaseTimeouts } from '../database/database.ts'
import type { Failpoint } from '../operations/failpoint.ts'

export interface AppOptions {
  config: Config
  secrets: Secrets
  log: Logger
  /** How long the sandbox takes over each image. */
  sandboxDelayMs?: number
  /** Hears of every statement that goes to the database, without its values. */
  onQuery?: (sql: string) => void
  /** Shorter than what a configuration may ask for. */
  databaseTimeouts?: Partial<DatabaseTimeouts>
  /** For tests: called in the gaps between the commits of an operation's life. */
  failpoint?: Failpoint
}
