import type { Prisma } from '../../database/database.ts'
import { channels } from '../../database/notifications.ts'
import { type ImagePayload, kindOfEvent, readImagePayload } from '../event-payload.ts'
import { readResponse } from '../kept-response.ts'
import { type NewEvent, statusEventType } from '../transitions/new-events.ts'
import type { HalfEnded } from './half-ended.ts'
import { imageEventType } from './image-event-type.ts'

/**
 * Writes events in the places where they are missing. The last place of an ended operation is its end; those just before
 * it are its images that no event shows. What stood in any other place is not known: a follower sees the status again.
 */
export async function fillEvents(
  tx: Prisma.TransactionClient,
  operation: HalfEnded,
  at: Date = operation.modifiedAt,
): Promise<void> {
  const { id, events, lastSequence } = operation
  const present = new Set(events.map(({ sequence }) => sequence))
  const missing = Array.from({ length: lastSequence }, (_, index) => index + 1)
    .filter((sequence) => !present.has(sequence))
    .reverse()
  if (missing.length === 0) return
  const known = lastEvents(operation)
  await tx.operationEvent.createMany({
    data: missing.map((sequence, index) => {
      const { payload, ...event } = known[index] ?? runningStatus(operation, sequence)
      return {
        operationId: id,
        sequence,
        ...event,
        payload: payload as unknown as Prisma.InputJsonObject,
        createdAt: at,
      }
    }),
  })
  await tx.$executeRaw`SELECT pg_notify(${channels.event}, ${id})`
}

/** The events that the operation's end implies and that are missing, the last first. */
function lastEvents(operation: HalfEnded): NewEvent[] {
  const { id: operationId, kind, status, events, images, response } = operation
  if (status === 'RUNNING' || status === 'QUEUED') return []
  const shown = new Set(events.filter(hasImage).map((event) => readImagePayload(event).imageId))
  const { size, background, quality, outputFormat } = readResponse({
    id: operationId,
    response: response ?? {},
  })
  const facts = { size, background, quality, outputFormat }
  const left = images.filter(({ id }) => !shown.has(id)).reverse()
  const completed = left.map(({ id: imageId, position: index }, place): NewEvent => {
    const payload: ImagePayload = { kind: 'image', imageId, index, facts, last: place === 0 }
    return { type: imageEventType(kind, 'completed'), status: 'RUNNING', stage: 'FINALIZING', payload }
  })
  const hasEnd = events.some((event) => event.type === statusEventType && event.status === status)
  if (hasEnd) return completed
  return [{ type: statusEventType, status, stage: status, payload: { kind: 'status' } }, ...completed]
}

function hasImage(event: HalfEnded['events'][number]): boolean {
  const kind = kindOfEvent(event)
  return kind === 'partialImage' || kind === 'image'
}

function runningStatus({ events }: HalfEnded, sequence: number): NewEvent {
  const before = events.findLast((event) => event.sequence < sequence)
  const stage = before?.stage ?? 'QUEUED'
  return { type: statusEventType, status: before?.status ?? 'QUEUED', stage, payload: { kind: 'status' } }
}
