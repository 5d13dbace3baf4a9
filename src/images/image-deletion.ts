import type { Prisma, PrismaClient } from '../database/database.ts'
import { inTransaction } from '../database/transaction.ts'
import { type ImageRole, isImageId } from './image-records.ts'
import type { Storage } from './storage.ts'

export interface DeletionOptions {
  readonly prisma: PrismaClient
  readonly storage: Storage
}

export interface Deletion {
  readonly operationId: string
  readonly roles?: readonly ImageRole[]
  /** Asked while nobody else can lock any of the images: if it says so, all of them stay. */
  isNeeded?(tx: Prisma.TransactionClient): Promise<boolean>
}

/**
 * Rows first: from then on nobody is led to the bytes, and bytes left behind by a crash are found by the sweep.
 * Images of one operation that are the same bytes share an object, which goes with the last of them. Null: they are
 * needed.
 */
export async function deleteOperationImages(
  { prisma, storage }: DeletionOptions,
  { operationId, roles, isNeeded }: Deletion,
): Promise<string[] | null> {
  const where = { operationId, ...(roles ? { role: { in: [...roles] } } : {}) }
  const gone = await inTransaction(prisma, async (tx) => {
    const found = await tx.image.findMany({ where, select: { id: true, storageKey: true } })
    const ids = found.map(({ id }) => id)
    await tx.$queryRaw`SELECT id FROM image WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`
    if (await isNeeded?.(tx)) return null
    await tx.image.deleteMany({ where: { id: { in: ids } } })
    return found
  })
  if (!gone) return null
  const left = await prisma.image.findMany({ where: { operationId }, select: { storageKey: true } })
  const keysLeft = new Set(left.map(({ storageKey }) => storageKey))
  const keys = new Set(gone.map(({ storageKey }) => storageKey)).difference(keysLeft)
  if (left.length === 0 && !roles) await storage.deletePrefix(`${operationId}/`)
  else for (const key of keys) await storage.delete(key)
  return gone.map(({ id }) => id)
}

/** Deletes objects of operations that no row names and that are too old to be waiting for one; their number. */
export async function sweepObjects(
  { prisma, storage }: DeletionOptions,
  { olderThan, signal }: { olderThan: Date; signal?: AbortSignal | undefined },
): Promise<number> {
  let deleted = 0
  for await (const page of storage.pages({ signal })) {
    const operationIds = new Set(page.map(({ key }) => key.split('/')[0] ?? '').filter(isImageId))
    const rows = await prisma.image.findMany({
      where: { operationId: { in: [...operationIds] } },
      select: { storageKey: true },
    })
    const known = new Set(rows.map(({ storageKey }) => storageKey))
    const dead = page.filter(
      ({ key, modifiedAt }) =>
        operationIds.has(key.split('/')[0] ?? '') && !known.has(key) && modifiedAt < olderThan,
    )
    if (dead.length > 0)
      await storage.deleteMany(
        dead.map(({ key }) => key),
        signal,
      )
    deleted += dead.length
  }
  return deleted
}
