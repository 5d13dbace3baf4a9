import type { OperationKind } from '../generated/graphql.ts'

export const kindLabels: Record<OperationKind, string> = {
  GENERATE: 'Generate',
  EDIT: 'Edit',
  VARIATION: 'Variation',
}

interface Described {
  kind: OperationKind
  description: string | null
}

/** The title of an operation: its prompt. A variation has none. */
export function titleOf({ kind, description }: Described): string {
  return description || (kind === 'VARIATION' ? 'A variation' : 'Without a prompt')
}
