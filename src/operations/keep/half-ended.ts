import type { Prisma, PrismaClient } from '../../database/database.ts'

/** An ended operation, and whether everything is there that its end writes. */
export interface CheckedEnd {
  id: string
  finishedAt: Date
  isWhole: boolean
}

/** How many operations one statement checks: few enough that PostgreSQL looks each up instead of reading whole tables. */
export const endCheckBatch = 100
/** The clocks of processes differ: an operation that ends now may have an earlier end time than one already checked. */
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
           (release.is_there AND last_event.is_there AND open_attempt.is_there IS NULL
           AND (o.finished_at < ${freshAfter} OR o.last_sequence = event.count)
           AND (o.status <> 'SUCCEEDED'
                OR usage.is_there AND (o.images_deleted_at IS NOT NULL OR result.is_there))) IS TRUE AS "isWhole"
      FROM page o
      LEFT JOIN LATERAL (
        SELECT true AS is_there FROM ledger_entry WHERE operation_id = o.id AND kind = 'RELEASE' LIMIT 1) release ON true
      LEFT JOIN LATERAL (
        SELECT true AS is_there FROM attempt
         WHERE operation_id = o.id AND state IN ('PREPARED', 'SENT', 'RESPONDED') LIMIT 1) open_attempt ON true
      LEFT JOIN LATERAL (
        SELECT true AS is_there FROM operation_event
         WHERE operation_id = o.id AND sequence = o.last_sequence) last_event ON true
      LEFT JOIN LATERAL (SELECT count(*) FROM operation_event WHERE operation_id = o.id) event ON true
      LEFT JOIN LATERAL (SELECT true AS is_there FROM usage_record WHERE operation_id = o.id) usage ON true
      LEFT JOIN LATERAL (
        SELECT true AS is_there FROM image WHERE operation_id = o.id AND role = 'RESULT' LIMIT 1) result ON true
     ORDER BY o.finished_at, o.id`
}

export async function markChecked(prisma: PrismaClient, { id, finishedAt }: CheckedEnd): Promise<void> {
  const data = { operationId: id, finishedAt }
  await prisma.endCheck.upsert({ where: { id: 1 }, create: data, update: data })
}

/** An ended operation with everything its end wrote, its row locked; null where another transaction holds the row. */
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
