import type { Child } from './child.ts'
import type { OwnFigures } from './own-figures.ts'
import type { Stories } from './story.ts'

/** What a target is started with. All but the address of the provider is for the gateway. */
export interface TargetOptions {
  providerUrl: string
  /** Of the gateway's own; an empty one makes a start its first. */
  folder: string
  /** A PostgreSQL server; null: the folder holds the database. */
  databaseUrl: string | null
  model: string
  /** The most operations at once. */
  concurrency: number
}

/** What stands between the client and the provider. */
export interface Target {
  url: string
  stories: Stories
  /** Null: the client asks the provider itself. */
  process: Child<'figures', OwnFigures> | null
}
