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

/** A variation has no prompt to be called by. */
export function titleOf({ kind, description }: Described): string {
  return description || (kind === 'VARIATION' ? 'A variation' : 'Without a prompt')
}
