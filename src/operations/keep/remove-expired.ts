import type { Database, Prisma } from '../../database/database.ts'
import { inTransaction } from '../../database/transaction.ts'
import { type ImageRole, type Images, imageRoles } from '../../images/images.ts'
import {
  type Batch,
  batchSize,
  beginning,
  type FindExpired,
  findDeletedInputs,
  findDeletedResults,
  findExpiredInputs,
  findExpiredPartials,
  findExpiredResults,
  findFailedSources,
} from './expired-operations.ts'

export interface RemovalOptions {
  database: Database
  images: Images
  now: () => Date
}

/** Deletes the oldest partial images, and what shows them; the number of operations. */
export function removePartialImages(options: RemovalOptions, lifeMs: number, signal: AbortSignal) {
  const work = (ids: string[]) =>
    options.images.expireImages({
      operationIds: ids,
      roles: ['PARTIAL'],
      findNeeded: (tx, operationIds) => findNeeded(tx, operationIds, ['PARTIAL']),
      onDeleted: (tx, operationIds) => deleteEvents(tx, operationIds, ['partialImage']),
    })
  return eachBatch({ ...options, find: findExpiredPartials, work, lifeMs, signal })
}

/** Deletes the sources of operations that made nothing, unless another operation has them from there. */
export function removeFailedSources(options: RemovalOptions, lifeMs: number, signal: AbortSignal) {
  const work = (ids: string[]) =>
    options.images.expireImages({
      operationIds: ids,
      roles: ['INPUT', 'MASK'],
      findNeeded: findShared,
      onDeleted: async (tx, operationIds) => {
        await tx.$executeRaw`
          UPDATE operation o SET images_deleted_at = ${options.now()}
           WHERE o.id = ANY(${operationIds}::uuid[])
             AND (SELECT count(*) FROM image i WHERE i.operation_id = o.id) = 0`
      },
    })
  return eachBatch({ ...options, find: findFailedSources, work, lifeMs, signal })
}

/** Deletes all images of an operation, and what shows them; of a deleted user at once. The operation stays, and says so. */
export function removeResults(options: RemovalOptions, lifeMs: number, signal: AbortSignal) {
  const work = (ids: string[]) =>
    options.images.expireImages({
      operationIds: ids,
      findNeeded,
      onDeleted: async (tx, operationIds) => {
        await deleteEvents(tx, operationIds, ['partialImage', 'image'])
        await tx.$executeRaw`
          UPDATE operation SET images_deleted_at = ${options.now()} WHERE id = ANY(${operationIds}::uuid[])`
      },
    })
  return eachOf([findExpiredResults, findDeletedResults], { ...options, work, lifeMs, signal })
}

/** Deletes the request's content. The row stays for its usage, and its last event so that a follower sees the end. */
export function removeInputs(options: RemovalOptions, lifeMs: number, signal: AbortSignal) {
  const work = (ids: string[]) => inTransaction(options.database.prisma, (tx) => emptyOperations(tx, ids))
  return eachOf([findExpiredInputs, findDeletedInputs], { ...options, work, lifeMs, signal })
}

/** Takes what was asked out of ended operations; the number of their rows. */
export async function emptyOperations(tx: Prisma.TransactionClient, ids: string[]): Promise<number> {
  await tx.attempt.deleteMany({ where: { operationId: { in: ids } } })
  await tx.operationSource.deleteMany({ where: { operationId: { in: ids } } })
  await tx.$executeRaw`
    DELETE FROM operation_event e USING operation o
     WHERE o.id = ANY(${ids}::uuid[]) AND e.operation_id = o.id AND e.sequence < o.last_sequence`
  return tx.$executeRaw`
    UPDATE operation SET request_id = NULL, fingerprint = '', input = input - 'prompt' - 'messages'
     WHERE id = ANY(${ids}::uuid[])`
}

interface Steps extends RemovalOptions {
  find: FindExpired
  work: (operationIds: string[]) => Promise<number>
  lifeMs: number
  signal: AbortSignal
}

async function eachOf(finds: FindExpired[], steps: Omit<Steps, 'find'>): Promise<number> {
  let count = 0
  for (const find of finds) count += await eachBatch({ ...steps, find })
  return count
}

async function eachBatch({ database, find, work, lifeMs, now, signal }: Steps): Promise<number> {
  const batch: Batch = { before: new Date(now().getTime() - lifeMs), after: beginning }
  let count = 0
  while (!signal.aborted) {
    const found = await find(database.prisma, batch)
    if (found.length > 0) count += await work([...new Set(found.map(({ operationId }) => operationId))])
    const last = found.at(-1)
    if (!last || found.length < batchSize) break
    batch.after = last
  }
  return count
}

/**
 * The operations with an image that an unfinished operation is to use: these images outlive their own time. Asked when
 * they are about to go, since an operation may have been accepted after they were found.
 */
export async function findNeeded(
  tx: Prisma.TransactionClient,
  operationIds: readonly string[],
  roles: readonly ImageRole[] = imageRoles,
): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT DISTINCT i.operation_id AS id
      FROM image i
      JOIN operation_source s ON s.image_id = i.id
      JOIN operation user_of ON user_of.id = s.operation_id
     WHERE i.operation_id = ANY(${operationIds}::uuid[]) AND i.role::text = ANY(${roles}::text[])
       AND user_of.finished_at IS NULL`
  return rows.map(({ id }) => id)
}

/** The operations with a source that another one uses which still has its images: that one shows it among its own. */
async function findShared(tx: Prisma.TransactionClient, operationIds: readonly string[]): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT DISTINCT i.operation_id AS id
      FROM image i
      JOIN operation_source s ON s.image_id = i.id AND s.operation_id <> i.operation_id
      JOIN operation user_of ON user_of.id = s.operation_id
     WHERE i.operation_id = ANY(${operationIds}::uuid[]) AND i.role IN ('INPUT', 'MASK')
       AND user_of.images_deleted_at IS NULL`
  return rows.map(({ id }) => id)
}

async function deleteEvents(
  tx: Prisma.TransactionClient,
  operationIds: readonly string[],
  kinds: ('partialImage' | 'image')[],
): Promise<void> {
  await tx.$executeRaw`
    DELETE FROM operation_event
     WHERE operation_id = ANY(${operationIds}::uuid[]) AND payload->>'kind' = ANY(${kinds})`
}
