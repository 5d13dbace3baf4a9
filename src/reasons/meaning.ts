import type { ErrorCode } from './error-codes.ts'
import type { RpcStatus } from './rpc-codes.ts'

interface Meaning {
  /** What happened, in one sentence. */
  meaning: string
  /** What the caller, or the operator of the gateway, can do about it. */
  hint: string
}

/** Of a reason of a GraphQL error. Whether the same request may succeed later follows from the code. */
export interface ErrorMeaning extends Meaning {
  code: ErrorCode | readonly ErrorCode[]
  /** Where it says more than that of the code. */
  httpStatus?: number
}

/** Of a reason of a failed operation. The meaning is also its message, unless more is known. */
export interface FailureMeaning extends Meaning {
  status: RpcStatus
  /** Whether the same request, sent as a new operation, may succeed. */
  retryable: boolean
}
