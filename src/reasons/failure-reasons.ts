import { operationReasons } from './operation-reasons.ts'
import { providerReasons } from './provider-reasons.ts'

/** Every `OperationError.reason`. Some of their names are reasons of errors too. */
export const failureReasons = { ...providerReasons, ...operationReasons } as const

/** Of an operation that failed. */
export type FailureReason = keyof typeof failureReasons
