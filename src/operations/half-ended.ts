import type { Prisma, PrismaClient } from '../database/database.ts'

/** An ended operation, and whether everything is there that its end writes. */
export interface CheckedEnd {
  id: string
  finishedAt: Date
  isWhole: boolean
}

/** How many operations one statement looks at. */
export const endCheckBatch = 1_000
/** Processes' clocks differ; an operation that ends now may say that it ended before one that was checked. */
const settleMinutes = 5

/**
 * The next operations in the order of their ends. An end writes its ledger, usage, images, events and attempts in one
 * transaction, so one that lacks any of them was committed by halves. Retention takes partial images' events away
 * later, so only a fresh one must have every event, and one that was emptied is not looked at.
 */
export function readEnds(prisma: PrismaClient, freshAfter: Date): Promise<CheckedEnd[]> {
  return prisma.$queryRaw`
    WITH page AS (
      SELECT o.* FROM operation o
       WHERE o.fingerprint <> '' AND o.finished_at <= now() - ${`${settleMinutes} minutes`}::interval
         AND (o.finished_at, o.id) > (
               coalesce((SELECT finished_at FROM end_check), '-infinity'),
               coalesce((SELECT operation_id FROM end_check), '00000000-0000-0000-0000-000000000000'))
       ORDER BY o.finished_at, o.id LIMIT ${endCheckBatch})
    SELECT o.id, o.finished_at AS "finishedAt",
           EXISTS (SELECT FROM ledger_entry l WHERE l.operation_id = o.id AND l.kind = 'RELEASE')
           AND NOT EXISTS (SELECT FROM attempt a WHERE a.operation_id = o.id AND a.state IN ('PREPARED', 'SENT', 'RESPONDED'))
           AND EXISTS (SELECT FROM operation_event e WHERE e.operation_id = o.id AND e.sequence = o.last_sequence)
           AND (o.finished_at < ${freshAfter}
                OR o.last_sequence = (SELECT count(*) FROM operation_event e WHERE e.operation_id = o.id))
           AND (o.status <> 'SUCCEEDED'
                OR EXISTS (SELECT FROM usage_record u WHERE u.operation_id = o.id)
               AND (o.images_deleted_at IS NOT NULL
                    OR EXISTS (SELECT FROM image i WHERE i.operation_id = o.id AND i.role = 'RESULT'))) AS "isWhole"
      FROM page o ORDER BY o.finished_at, o.id`
}

export async function markChecked(prisma: PrismaClient, { id, finishedAt }: CheckedEnd): Promise<void> {
  const data = { operationId: id, finishedAt }
  await prisma.endCheck.upsert({ where: { id: 1 }, create: data, update: data })
}

/** What there is of an ended operation, with its row locked; null where somebody else has it. */
export async function loadHalfEnded(tx: Prisma.TransactionClient, id: string) {
  const locked = await tx.$queryRaw<unknown[]>`
    SELECT id FROM operation WHERE id = ${id}::uuid AND finished_at IS NOT NULL FOR UPDATE SKIP LOCKED`
  if (locked.length === 0) return null
  const operation = await tx.operation.findUniqueOrThrow({
    where: { id },
    include: {
      attempts: { orderBy: { number: 'desc' }, take: 1 },
      events: { orderBy: { sequence: 'asc' } },
      images: { where: { role: 'RESULT' }, orderBy: { position: 'asc' } },
      usage: true,
    },
  })
  const entries = await tx.ledgerEntry.findMany({ where: { operationId: id }, select: { kind: true } })
  return { ...operation, ledger: entries.map(({ kind }) => kind) }
}

export type HalfEnded = NonNullable<Awaited<ReturnType<typeof loadHalfEnded>>>
