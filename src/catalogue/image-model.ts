import type { Capabilities } from './capabilities.ts'
import type { OperationKind } from './operation-kind.ts'
import type { ModelParameter } from './parameter.ts'
import type { Pricing } from './pricing.ts'
import type { ModelRetirement } from './retirement.ts'

/** One model at one provider, as data. */
export interface ImageModel {
  /** `provider/name`. */
  id: string
  provider: string
  /** The name callers use. */
  name: string
  /** The name that goes out on the wire. */
  upstreamName: string
  description: string
  /** The name of its dialect. */
  dialect: string
  /** Its images are drawn by the sandbox, not by a model. */
  sandbox: boolean
  /** `lookup`: a submitted job can be polled again after a crash. `none`: it cannot, and is never sent twice. */
  idempotency: 'none' | 'lookup'
  kinds: OperationKind[]
  capabilities: Partial<Record<OperationKind, Capabilities>>
  /** Its variations are edits with a prompt of Easel's own: the model has none itself. */
  variationsThroughEdits: boolean
  /** The same as a list of fields, to build a form from. */
  parameters: Partial<Record<OperationKind, ModelParameter[]>>
  /** The reason for each kind that the model does not serve. */
  unsupported: Partial<Record<OperationKind, string>>
  retirement: ModelRetirement | null
  pricing: Pricing
}
