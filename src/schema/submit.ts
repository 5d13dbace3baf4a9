import { type GraphQLResolveInfo, responsePathAsArray } from 'graphql'
import { keyIdOf, modelLimitOf } from '../accounts/accounts.ts'
import { concurrentOperationsOf } from '../accounts/rate-limits.ts'
import type { OperationInput } from '../catalogue/operation-input.ts'
import type { OperationKind } from '../catalogue/operation-kind.ts'
import type { Operation } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import type { NamedSource } from '../operations/accept/operation-sources.ts'
import type { Context } from './context.ts'
import { encodeGlobalId } from './global-id.ts'
import { requestIdRule } from './request-id.ts'

export interface Submission {
  kind: OperationKind
  input: OperationInput
  sources: NamedSource[]
  requestId: string | null | undefined
  /** Whether the mutation answers only when the operation has ended. */
  waits: boolean
}

/** Submits the operation of a mutation. The caller loads it again for the answer, since it may have changed. */
export async function submit(
  context: Context,
  info: GraphQLResolveInfo,
  submission: Submission,
): Promise<Operation> {
  const { accounts, operations, viewer, signal } = context
  const { kind, input, sources, requestId, waits } = submission
  const keyId = keyIdOf(viewer)
  const operation = await operations.submit({
    kind,
    input,
    sources,
    userId: viewer.userId,
    apiKey: keyId === null ? null : { id: keyId, models: modelLimitOf(viewer) },
    requestId: requestId ?? headerKey(context, info),
    mostUnfinished: concurrentOperationsOf(viewer.rateLimits),
    admit: (most) => void accounts.admit(viewer, most),
  })
  context.accepted.push({
    path: responsePathAsArray(info.path),
    operationId: encodeGlobalId('Operation', operation.id),
  })
  if (waits) await operations.wait(operation.id, signal)
  return operation
}

/** The header is an alias of `requestId` for documents with one mutation; with several it would bind none of them. */
function headerKey({ idempotencyKey }: Context, info: GraphQLResolveInfo): string | null {
  if (idempotencyKey === null) return null
  if (info.operation.selectionSet.selections.length > 1) {
    throw new EaselError(
      'BAD_USER_INPUT',
      'The header Idempotency-Key goes with one mutation. Give each its own requestId instead.',
      { reason: 'IDEMPOTENCY_KEY_AMBIGUOUS', field: 'input.requestId' },
    )
  }
  const checked = requestIdRule.safeParse(idempotencyKey)
  if (checked.success) return checked.data
  throw new EaselError(
    'BAD_USER_INPUT',
    checked.error.issues[0]?.message ?? 'The Idempotency-Key is not valid.',
    {
      reason: 'IDEMPOTENCY_KEY_MALFORMED',
      field: 'input.requestId',
    },
  )
}
