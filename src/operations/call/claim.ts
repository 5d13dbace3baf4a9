import type { ImageModel } from '../../catalogue/image-model.ts'
import type { ImageRequest } from '../../catalogue/image-request.ts'
import type { Lease } from '../run/operation-lease.ts'
import type { OpenAttempt } from '../transitions/attempts.ts'
import type { OpenOperation } from '../transitions/leases.ts'

/** An operation in the hands of this process. */
export interface Claim {
  operation: OpenOperation
  lease: Lease
  /** The lease's, joined with the shutdown of the process. */
  signal: AbortSignal
  /** The models to which the key that asked is limited; empty: to none. */
  allowedModels: readonly string[]
  /** How many attempts before were provably not carried out. */
  settled: number
}

export interface Call {
  attempt: OpenAttempt
  model: ImageModel
  request: ImageRequest
  /** How many providers serve the model. */
  alternatives: number
}

/** What is known about a call when its reply has ended. */
export interface EndedCall extends Call {
  /** Whether this process or an earlier owner sent bytes of a paid request. */
  sent: boolean
  /** Whether the reply is whole on disk. */
  spooled: boolean
  /** From the beginning of the call to the end of its reply; null where the call was another process's. */
  ms: number | null
}
