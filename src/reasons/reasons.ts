import { accountReasons } from './account-reasons.ts'
import type { ErrorCode } from './error-codes.ts'
import { imageReasons } from './image-reasons.ts'
import { modelReasons } from './model-reasons.ts'
import type { providerReasons } from './provider-reasons.ts'
import { requestReasons } from './request-reasons.ts'
import { serviceReasons } from './service-reasons.ts'
import { startReasons } from './start-reasons.ts'
import { streamReasons } from './stream-reasons.ts'
import { uploadReasons } from './upload-reasons.ts'

/** Every `extensions.reason` of a GraphQL error. The README lists them in this order. */
export const errorReasons = {
  ...requestReasons,
  ...streamReasons,
  ...uploadReasons,
  ...imageReasons,
  ...modelReasons,
  ...accountReasons,
  ...serviceReasons,
  ...startReasons,
} as const

export type ErrorReason = keyof typeof errorReasons
/** Of a call that a provider did not answer with an image. */
export type ProviderReason = keyof typeof providerReasons

type CodeOf<Reason extends ErrorReason> = (typeof errorReasons)[Reason]['code'] extends infer Code
  ? Code extends readonly (infer One)[]
    ? One
    : Code
  : never

/** The reasons that refine a code. */
export type ReasonOf<Code extends ErrorCode> = {
  [Reason in ErrorReason]: Code extends CodeOf<Reason> ? Reason : never
}[ErrorReason]
