import type { Database } from '../../database/database.ts'
import type { Operation } from '../../database/generated/client.ts'
import { inTransaction } from '../../database/transaction.ts'
import type { Images, StagedImage } from '../../images/images.ts'
import type { ReplyFacts } from '../../providers/reply.ts'
import { imageEventType } from '../keep/image-event-type.ts'
import type { EventFacts, EventLog, NewEvent } from '../keep/operation-events.ts'
import { type Lease, LeaseLost } from '../run/operation-lease.ts'

export interface PartialImage {
  staged: StagedImage
  /** Its place among all partial images of the operation. */
  position: number
  /** What the provider calls it. */
  index: number
  facts: Partial<ReplyFacts>
  signal: AbortSignal
}

export interface PartialImageOptions {
  database: Database
  images: Images
  events: EventLog
  newId: () => string
  now: () => Date
}

/** Keeps a partial image and tells it in one transaction, under the lease. */
export function createPartialImages({ database, images, events, newId, now }: PartialImageOptions) {
  const { prisma } = database

  const keep = async (operation: Operation, lease: Lease, partial: PartialImage): Promise<void> => {
    const { staged, position, index, facts, signal } = partial
    const stored = await images.store(staged, operation.id, signal)
    await inTransaction(prisma, async (tx) => {
      const createdAt = now()
      const rows = await tx.$queryRaw<{ last: number }[]>`
        UPDATE operation SET last_sequence = last_sequence + 1, stage = 'RECEIVING', modified_at = ${createdAt}
         WHERE id = ${operation.id}::uuid AND lease_epoch = ${lease.epoch} AND status = 'RUNNING'
        RETURNING last_sequence AS last`
      if (!rows[0]) throw new LeaseLost()
      const { id, userId } = operation
      const place = { operationId: id, userId, role: 'PARTIAL', position, createdAt } as const
      const image = await images.record(tx, stored, { id: newId(), ...place })
      const event = toEvent(operation, { imageId: image.id, index, facts: toEventFacts(facts) })
      await events.append(tx, id, rows[0].last - 1, [event], createdAt)
    })
  }

  return {
    keep,
    /** The positions that are kept and told already: a reply that is read again says them once more. */
    known: async (operationId: string): Promise<Set<number>> => {
      const where = { operationId, role: 'PARTIAL' } as const
      const rows = await prisma.image.findMany({ where, select: { position: true } })
      return new Set(rows.map(({ position }) => position))
    },
  }
}

function toEvent(
  { kind }: Operation,
  payload: { imageId: string; index: number; facts: EventFacts },
): NewEvent {
  return {
    type: imageEventType(kind, 'partial_image'),
    status: 'RUNNING',
    stage: 'RECEIVING',
    payload: { kind: 'partialImage', ...payload },
  }
}

function toEventFacts(facts: Partial<ReplyFacts>): EventFacts {
  return {
    size: facts.size ?? null,
    background: facts.background ?? null,
    quality: facts.quality ?? null,
    outputFormat: facts.outputFormat ?? null,
  }
}
