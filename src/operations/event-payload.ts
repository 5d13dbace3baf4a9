import { z } from 'zod'
import type { OperationEvent } from '../database/generated/client.ts'
import { readKept } from './kept-json.ts'
import { keptFacts } from './kept-response.ts'

const kept = {
  imageId: z.string(),
  /** The provider's own count for a partial image, the place among the results for an image. */
  index: z.number(),
  facts: keptFacts.prefault({}),
}

const imagePayload = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('partialImage'), ...kept }),
  z.object({ kind: z.literal('image'), ...kept, last: z.boolean().default(false) }),
])

/** What an event says of the image that came with it. */
export type ImagePayload = z.output<typeof imagePayload>

export type EventPayload = ImagePayload | { kind: 'status' } | { kind: 'failed' }

type PayloadRow = Pick<OperationEvent, 'operationId' | 'sequence' | 'payload'>

export function readImagePayload({ operationId, sequence, payload }: PayloadRow): ImagePayload {
  const row = `${operationId}, sequence ${sequence}`
  return readKept(imagePayload, payload, { column: 'operation_event.payload', row })
}

const payloadKind = z.object({ kind: z.enum(['status', 'partialImage', 'image', 'failed']) })

/** Null for a kind that is not known here. */
export function kindOfEvent({ payload }: Pick<OperationEvent, 'payload'>): EventPayload['kind'] | null {
  return payloadKind.safeParse(payload).data?.kind ?? null
}
