import type { Prisma, PrismaClient } from '../database/database.ts'
import { inTransaction } from '../database/transaction.ts'
import { type ImageRole, imageRoles } from './image-records.ts'
import type { Storage } from './storage.ts'

export interface DeletionOptions {
  readonly prisma: PrismaClient
  readonly storage: Storage
}

/** Images of many operations, deleted together. */
export interface Deletion {
  readonly operationIds: readonly string[]
  /** Only the images of these roles; all of them otherwise. */
  readonly roles?: readonly ImageRole[] | undefined
  /** Returns the operations whose images must stay. Called while all the images are locked. */
  findNeeded(tx: Prisma.TransactionClient, operationIds: readonly string[]): Promise<readonly string[]>
  /** Writes of the caller in the same transaction, for the operations that lose their images. */
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
 * Rows are deleted first: then nothing refers to the bytes, and the sweep finds bytes that a crash leaves behind. Equal
 * images of one operation share an object, which is deleted with the last of them.
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
  const roles = deletion.roles ?? imageRoles
  // Always in the same order, so that two of these transactions cannot wait for each other.
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

/** Deletes what was stored for an operation that was not accepted. Returns the ids of images that had rows. */
export async function discardImages(
  { prisma, storage }: DeletionOptions,
  operationId: string,
): Promise<string[]> {
  const found = await prisma.image.findMany({ where: { operationId }, select: { id: true } })
  await prisma.image.deleteMany({ where: { operationId } })
  await storage.deletePrefix(`${operationId}/`)
  return found.map(({ id }) => id)
}
