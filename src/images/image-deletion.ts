import type { Prisma, PrismaClient } from '../database/database.ts'
import { inTransaction } from '../database/transaction.ts'
import type { ImageRole } from './image-records.ts'
import type { Storage } from './storage.ts'

/** How many operations one query asks about. */
const batchSize = 100

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

/** Deletes objects that no row names and that are too old to be waiting for one; their number. */
export async function sweepObjects(
  { prisma, storage }: DeletionOptions,
  { olderThan, signal }: { olderThan: Date; signal?: AbortSignal | undefined },
): Promise<number> {
  let deleted = 0
  for await (const operationIds of batches(storage.listPrefixes(signal))) {
    const rows = await prisma.image.findMany({
      where: { operationId: { in: operationIds } },
      select: { storageKey: true },
    })
    const known = new Set(rows.map(({ storageKey }) => storageKey))
    for (const operationId of operationIds) {
      signal?.throwIfAborted()
      for await (const { key, modifiedAt } of storage.list(`${operationId}/`, signal)) {
        if (known.has(key) || modifiedAt >= olderThan) continue
        await storage.delete(key)
        deleted++
      }
    }
  }
  return deleted
}

async function* batches(ids: AsyncIterable<string>): AsyncGenerator<string[]> {
  let batch: string[] = []
  for await (const id of ids) {
    if (batch.push(id) < batchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
