import type { ModelDefinition } from '../../catalogue/model-definition.ts'
import type { KnownModels } from '../../catalogue/model-registry.ts'
import type { SentParameters } from '../../catalogue/sent-parameters.ts'
import type { Authorize } from '../credentials.ts'
import type { Exchange, WireOptions } from '../exchanges/exchange.ts'
import type { SortFailure } from '../failures/http-failure.ts'
import type { OptionName } from '../option-rules.ts'

/** How a family of upstreams is spoken to: a value in the table, from a folder of its own. */
export interface Dialect {
  name: string
  exchange: Exchange
  sends: SentParameters
  sortFailure: SortFailure
  /** What of it the sandbox speaks: the models, below this path of its address. */
  sandbox: { path: string; models: readonly ModelDefinition[] }
}

/** What is known of a provider before an operator says more. Its models speak its dialect unless they say otherwise. */
export interface Preset extends KnownModels {
  /** Null when only the operator can know it. */
  baseUrl: string | null
  /** The domain that belongs to the provider as a whole: its jobs may be asked for at any host there. */
  domain?: string
  /** The headers that say who calls. */
  authorize: Authorize
  /** The options that it takes beside its name, address and models. */
  takes: readonly OptionName[]
  /** Those that it cannot do without. */
  needs?: readonly OptionName[]
  /** The folder goes out as the project of the credentials. */
  folderIsProject?: boolean
  wire: Partial<Omit<WireOptions, 'baseUrl'>>
}
