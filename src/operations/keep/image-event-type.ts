import type { OperationKind } from '../../database/generated/client.ts'

const prefixes: Record<OperationKind, string> = {
  GENERATE: 'image_generation',
  EDIT: 'image_edit',
  // The upstreams do not stream variations; the name follows the pattern of the other two.
  VARIATION: 'image_variation',
}

/** The event's name as it is on OpenAI's wire, e.g. `image_edit.partial_image`. */
export function imageEventType(kind: OperationKind, what: 'partial_image' | 'completed' | 'failed'): string {
  return `${prefixes[kind]}.${what}`
}
