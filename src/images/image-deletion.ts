import type { Prisma, PrismaClient } from '../database/database.ts'
import { inTransaction } from '../database/transaction.ts'
import type { ImageRole } from './image-records.ts'
import type { Storage } from './storage.ts'

export interface DeletionOptions {
  readonly prisma: PrismaClient
  readonly storage: Storage
}

/** Images of many operations that go at once. */
export interface Deletion {
  readonly operationIds: readonly string[]
  /** Only the images of this role; all of them otherwise. */
  readonly role?: ImageRole | undefined
  /** Asked while nobody else can lock any of the images: the images of these operations stay. */
  findNeeded(tx: Prisma.TransactionClient, operationIds: readonly string[]): Promise<readonly string[]>
  /** What the caller writes down in the same transaction, for the operations whose images go. */
  onDeleted(tx: Prisma.TransactionClient, operationIds: readonly string[]): Promise<void>
}

export interface Deleted {
  readonly imageIds: readonly string[]
  readonly operationIds: readonly string[]
}

interface ImageRow {
  id: string
  operation_id: string
  storage_key: string
}

/**
 * Rows first: from then on nobody is led to the bytes, and bytes left behind by a crash are found by the sweep. Images
 * of one operation that are the same bytes share an object, which goes with the last of them.
 */
export async function deleteImages(
  { prisma, storage }: DeletionOptions,
  deletion: Deletion,
): Promise<Deleted> {
  const { gone, operationIds } = await inTransaction(prisma, (tx) => deleteRows(tx, deletion))
  const left = await prisma.image.findMany({
    where: { operationId: { in: [...operationIds] } },
    select: { storageKey: true },
  })
  const keysLeft = new Set(left.map(({ storageKey }) => storageKey))
  const keys = new Set(gone.map((row) => row.storage_key)).difference(keysLeft)
  if (keys.size > 0) await storage.deleteMany([...keys])
  return { imageIds: gone.map(({ id }) => id), operationIds }
}

async function deleteRows(tx: Prisma.TransactionClient, deletion: Deletion) {
  const ids = [...deletion.operationIds]
  const roles = deletion.role ? [deletion.role] : ['INPUT', 'MASK', 'PARTIAL', 'RESULT']
  // In one order, so that two of these never wait for each other.
  const found = await tx.$queryRaw<ImageRow[]>`
    SELECT id, operation_id, storage_key FROM image
     WHERE operation_id = ANY(${ids}::uuid[]) AND role::text = ANY(${roles}::text[])
     ORDER BY id FOR UPDATE`
  const needed = new Set(await deletion.findNeeded(tx, ids))
  const gone = found.filter((row) => !needed.has(row.operation_id))
  const operationIds = ids.filter((id) => !needed.has(id))
  await tx.$executeRaw`DELETE FROM image WHERE id = ANY(${gone.map(({ id }) => id)}::uuid[])`
  if (operationIds.length > 0) await deletion.onDeleted(tx, operationIds)
  return { gone, operationIds }
}

/** Takes back what was stored for an operation that was not accepted; the ids of the images that had rows. */
export async function discardImages(
  { prisma, storage }: DeletionOptions,
  operationId: string,
): Promise<string[]> {
  const found = await prisma.image.findMany({ where: { operationId }, select: { id: true } })
  await prisma.image.deleteMany({ where: { operationId } })
  await storage.deletePrefix(`${operationId}/`)
  return found.map(({ id }) => id)
}
