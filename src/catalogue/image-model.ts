import type { Capabilities } from './capabilities.ts'
import type { OperationKind } from './operation-kind.ts'
import type { ModelParameter } from './parameter.ts'
import type { Pricing } from './pricing.ts'

export interface Retirement {
  /** The first day without the model. */
  date: string
  replacement: string | null
}

/** One model at one provider: everything that is known about it, as data. */
export interface ImageModel {
  /** `provider/name`. */
  id: string
  provider: string
  /** The name callers use. */
  name: string
  /** The name that goes out on the wire. */
  upstreamName: string
  description: string
  /** How its provider is spoken to: a name in the table of dialects. */
  dialect: string
  /** Its images are drawn by the sandbox, not by a model. */
  sandbox: boolean
  /** `lookup`: a submitted operation can be asked for again. `none`: a request must never be sent twice. */
  idempotency: 'none' | 'lookup'
  kinds: OperationKind[]
  capabilities: Partial<Record<OperationKind, Capabilities>>
  /** Its variations are edits with a prompt of Easel's own: the model has none itself. */
  variationsThroughEdits: boolean
  /** The same as a list of fields, to build a form from. */
  parameters: Partial<Record<OperationKind, ModelParameter[]>>
  /** Why a kind is not there. */
  unsupported: Partial<Record<OperationKind, string>>
  retirement: Retirement | null
  pricing: Pricing
}
