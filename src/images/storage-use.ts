import type { PrismaClient } from '../database/database.ts'
import { EaselError } from '../errors.ts'

/** What a user has of images, and how much it may have. */
export interface StorageUse {
  userId: string
  images: number
  bytes: bigint
  /** Null: any number of bytes. */
  limit: number | null
}

export interface StorageUseOptions {
  readonly prisma: PrismaClient
  readonly limits: { readonly storedBytesPerUser: number | null }
}

/** One row a user, which triggers keep: what it costs to ask does not depend on how many images there are. */
export async function readStorageUse(
  { prisma, limits }: StorageUseOptions,
  userIds: readonly string[],
): Promise<StorageUse[]> {
  const rows = await prisma.storageUse.findMany({ where: { userId: { in: [...userIds] } } })
  const byUser = new Map(rows.map((row) => [row.userId, row]))
  return userIds.map((userId) => {
    const { images = 0n, bytes = 0n } = byUser.get(userId) ?? {}
    return { userId, images: Number(images), bytes, limit: limits.storedBytesPerUser }
  })
}

/**
 * Refuses uploads that a user has no room for. Results count as well, but what was paid for is kept in any case. Requests
 * at the same moment do not see each other, so a user may get as far beyond as what it uploads at once.
 */
export async function admitUploads(
  options: StorageUseOptions,
  { userId, bytes: more }: { userId: string; bytes: number },
): Promise<void> {
  if (options.limits.storedBytesPerUser === null || more === 0) return
  const [use] = await readStorageUse(options, [userId])
  if (!use || use.limit === null || use.bytes + BigInt(more) <= BigInt(use.limit)) return
  throw new EaselError(
    'PAYLOAD_TOO_LARGE',
    'There is no room left for these files: the images that are kept for this user take it. Delete operations first.',
    { reason: 'USER_STORAGE_FULL', allowed: use.limit, actual: Number(use.bytes) + more },
  )
}
