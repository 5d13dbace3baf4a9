import type { PrismaClient } from '../database/database.ts'
import type { ImageRole } from './image-records.ts'
import type { Storage } from './storage.ts'

/** How many operations one query asks about. */
const batchSize = 100

export interface DeletionOptions {
  readonly prisma: PrismaClient
  readonly storage: Storage
}

/**
 * Rows first: from then on nobody is led to the bytes, and bytes left behind by a crash are found by the sweep.
 * Images of one operation that are the same bytes share an object, which goes with the last of them.
 */
export async function deleteOperationImages(
  { prisma, storage }: DeletionOptions,
  { operationId, roles }: { operationId: string; roles?: readonly ImageRole[] },
): Promise<string[]> {
  const where = { operationId, ...(roles ? { role: { in: [...roles] } } : {}) }
  const gone = await prisma.image.findMany({ where, select: { id: true, storageKey: true } })
  await prisma.image.deleteMany({ where: { id: { in: gone.map(({ id }) => id) } } })
  const left = await prisma.image.findMany({ where: { operationId }, select: { storageKey: true } })
  const keysLeft = new Set(left.map(({ storageKey }) => storageKey))
  const keys = new Set(gone.map(({ storageKey }) => storageKey)).difference(keysLeft)
  if (left.length === 0 && !roles) await storage.deletePrefix(`${operationId}/`)
  else for (const key of keys) await storage.delete(key)
  return gone.map(({ id }) => id)
}

/** Deletes objects that no row names and that are too old to be waiting for one; their number. */
export async function sweepObjects({ prisma, storage }: DeletionOptions, olderThan: Date): Promise<number> {
  let deleted = 0
  for await (const operationIds of batches(storage.listPrefixes())) {
    const rows = await prisma.image.findMany({
      where: { operationId: { in: operationIds } },
      select: { storageKey: true },
    })
    const known = new Set(rows.map(({ storageKey }) => storageKey))
    for (const operationId of operationIds) {
      for await (const { key, modifiedAt } of storage.list(`${operationId}/`)) {
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
