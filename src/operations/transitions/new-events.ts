import { type OperationStatus, Prisma } from '../../database/generated/client.ts'
import type { EventPayload, ImagePayload } from '../event-payload.ts'

/** What an event says, before it has its place in the sequence. */
export interface NewEvent {
  type: string
  status: OperationStatus
  stage: string
  payload: EventPayload | UnnamedImage
  /** The position of the image that is written with the event: the payload gets its id. */
  image?: number
}

type UnnamedImage =
  | Omit<Extract<ImagePayload, { kind: 'partialImage' }>, 'imageId'>
  | Omit<Extract<ImagePayload, { kind: 'image' }>, 'imageId'>

export const statusEventType = 'operation.status'

export function statusEvent(status: OperationStatus, stage: string): NewEvent {
  return { type: statusEventType, status, stage, payload: { kind: 'status' } }
}

export interface EventsOfTransition {
  list: readonly NewEvent[]
  at: Date
  /** The part of the transition that writes images, and returns their `id` and `position`. */
  images?: Prisma.Sql | undefined
}

/**
 * The part of a transition that writes the last events of the row that it `moved`, whose `last_sequence` counts them
 * already: the lock of that row keeps the sequence free of gaps.
 */
export function writeEvents({ list, at, images }: EventsOfTransition): Prisma.Sql {
  const rows = list.map((event, index) => ({ ...event, place: index + 1 - list.length }))
  const imageId = Prisma.sql`CASE WHEN image.id IS NULL THEN '{}' ELSE jsonb_build_object('imageId', image.id) END`
  return Prisma.sql`
    INSERT INTO operation_event (operation_id, sequence, type, status, stage, payload, created_at)
    SELECT moved.id, moved.last_sequence + event.place, event.type, event.status::"OperationStatus", event.stage,
           ${images ? Prisma.sql`event.payload || ${imageId}` : Prisma.sql`event.payload`}, ${at}::timestamptz
      FROM moved CROSS JOIN jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
             AS event (place int, type text, status text, stage text, payload jsonb, image int)
           ${images ? Prisma.sql`LEFT JOIN ${images} image ON image.position = event.image` : Prisma.empty}`
}
