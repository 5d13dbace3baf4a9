import type { Capabilities } from './capabilities.ts'
import type { OperationKind } from './operation-kind.ts'
import type { Pricing } from './pricing.ts'
import type { Retirement } from './retirement.ts'

/** One model as a preset or the configuration describes it. */
export interface ModelDefinition {
  name: string
  /** The name on the wire; `<folder>` stands for the folder of the provider. The model's name by default. */
  upstreamName?: string
  description?: string
  /** The preset's by default. */
  dialect?: string
  capabilities: Partial<Record<OperationKind, Capabilities>>
  /** Kinds that are documented but not served, with the reason; `enable` of the provider switches them on. */
  dormant?: Partial<Record<OperationKind, { reason: string; capabilities: Capabilities }>>
  /** The reason for each kind that the model does not serve. */
  unsupported?: Partial<Record<OperationKind, string>>
  /** Serves variations by its edits. Only a caller who names the model gets that. */
  variationsThroughEdits?: boolean
  retirement?: Retirement | null
  pricing?: Pricing
}
