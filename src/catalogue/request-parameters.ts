import type { OperationInput } from './operation-input.ts'
import type { OperationKind } from './operation-kind.ts'

/** Everything a request says apart from its images. Choices carry their GraphQL names; dialects lower-case them. */
export interface RequestParameters extends Omit<OperationInput, 'model' | 'user'> {
  kind: OperationKind
}

/** The parameters of an upstream request, still without its images. */
export function toRequestParameters(
  kind: OperationKind,
  { model: _model, user: _user, ...values }: OperationInput,
): RequestParameters {
  // A variation has no upstream stream: there `stream` only says whether the mutation waits.
  const stream = kind === 'VARIATION' ? false : values.stream || values.partialImages > 0
  return { ...values, kind, stream }
}
