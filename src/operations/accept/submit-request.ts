import type { OperationInput } from '../../catalogue/operation-input.ts'
import type { OperationKind } from '../../catalogue/operation-kind.ts'
import type { Database } from '../../database/database.ts'
import type { Operation } from '../../database/generated/client.ts'
import type { NamedSource } from './operation-sources.ts'

export interface SubmitRequest {
  kind: OperationKind
  userId: string
  /** The key that asks, if it is one, and the models to which it is limited (empty: to none). */
  apiKey?: { id: string; models: readonly string[] } | null
  input: OperationInput
  sources: NamedSource[]
  requestId: string | null
  /** How many operations of the user may be unfinished at once; null: any number. */
  mostUnfinished: number | null
  /** Counts what the request asks for against the rates of its user, once it is known. Throws RATE_LIMITED. */
  admit(most: { images: number; tokens: number }): void
}

/** The operation that has this request id already. */
export async function findUsed({ prisma }: Database, request: SubmitRequest): Promise<Operation | null> {
  const { userId, kind, requestId } = request
  if (requestId === null) return null
  return prisma.operation.findUnique({
    where: { userId_kind_requestId: { userId, kind, requestId } },
  })
}
