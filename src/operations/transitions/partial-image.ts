import type { Database } from '../../database/database.ts'
import { Prisma } from '../../database/generated/client.ts'
import { retryConflicts } from '../../database/transaction.ts'
import type { Images, StagedImage } from '../../images/images.ts'
import type { ReplyFacts } from '../../providers/reply.ts'
import { imageEventType } from '../keep/image-event-type.ts'
import type { EventFacts } from '../kept-response.ts'
import type { OpenOperation } from './leases.ts'
import type { NewEvent } from './new-events.ts'
import { type Fence, transit, underLease } from './statement.ts'

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
  newId: () => string
  now: () => Date
}

/** Writes a partial image and its event in one statement, under the lease. */
export function createPartialImages({ database, images, newId, now }: PartialImageOptions) {
  const { prisma } = database

  const keep = async (operation: OpenOperation, lease: Fence, partial: PartialImage): Promise<void> => {
    const { staged, position, index, facts, signal } = partial
    const { id: operationId, userId, kind } = operation
    const stored = await images.store(staged, operationId, signal)
    const at = now()
    const place = { id: newId(), operationId, userId, role: 'PARTIAL', position, createdAt: at } as const
    const event: NewEvent = {
      type: imageEventType(kind, 'partial_image'),
      status: 'RUNNING',
      stage: 'RECEIVING',
      payload: { kind: 'partialImage', index, facts: toEventFacts(facts) },
      image: position,
    }
    await retryConflicts(() =>
      transit(prisma, {
        moved: Prisma.sql`
          UPDATE operation SET last_sequence = last_sequence + 1, stage = 'RECEIVING', modified_at = ${at}
           WHERE ${underLease(lease)} RETURNING *`,
        parts: { recorded: images.writeImages([{ stored, place }]) },
        events: { list: [event], at, images: Prisma.sql`recorded` },
      }),
    )
  }

  return {
    keep,
    /** The positions of the partial images that are kept already: a reply that is read again repeats them. */
    known: async (operationId: string): Promise<Set<number>> => {
      const where = { operationId, role: 'PARTIAL' } as const
      const rows = await prisma.image.findMany({ where, select: { position: true } })
      return new Set(rows.map(({ position }) => position))
    },
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
