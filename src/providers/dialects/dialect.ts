import type { ModelDefinition } from '../../catalogue/model-definition.ts'
import type { KnownModels } from '../../catalogue/model-registry.ts'
import type { SentParameters } from '../../catalogue/sent-parameters.ts'
import type { Authorize } from '../credentials.ts'
import type { Exchange, WireOptions } from '../exchanges/exchange.ts'
import type { SortFailure } from '../failures/http-failure.ts'
import type { OptionName } from '../option-rules.ts'

/** How to speak to a family of upstreams. Each dialect has a folder of its own and a row in the table. */
export interface Dialect {
  name: string
  exchange: Exchange
  sends: SentParameters
  sortFailure: SortFailure
  /** Whether its replies say what was charged: `as asked`, where the operator wants that as the cost. */
  bill: 'never' | 'as asked' | 'always'
  /** The part that the sandbox speaks: these models, below this path of its address. */
  sandbox: { path: string; models: readonly ModelDefinition[] }
}

/** The defaults of a provider before its configuration. Its models use its dialect unless they name another. */
export interface Preset extends KnownModels {
  /** Null when the operator must configure it. */
  baseUrl: string | null
  /** The domain that belongs to the provider as a whole: its jobs may be asked for at any host there. */
  domain?: string
  /** The headers with the credentials. */
  authorize: Authorize
  /** The options beside its name, address and models. */
  takes: readonly OptionName[]
  /** The options that it needs. */
  needs?: readonly OptionName[]
  /** The folder is sent as the project of the credentials. */
  folderIsProject?: boolean
  wire: Partial<Omit<WireOptions, 'baseUrl'>>
}
