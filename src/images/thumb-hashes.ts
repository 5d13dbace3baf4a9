import type { PrismaClient } from '../database/database.ts'
import { type Image, Prisma } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import type { Lane } from './gate.ts'
import { readThumbHash, slotsFor } from './pixels.ts'
import type { Storage } from './storage.ts'
import { createTemporaryFiles, prepareFolder } from './temporary-files.ts'
import { fetchFile } from './variants.ts'

export type ThumbHashSource = Pick<
  Image,
  'id' | 'userId' | 'role' | 'storageKey' | 'width' | 'height' | 'mimeType' | 'thumbHash'
>

export interface ThumbHashesOptions {
  readonly prisma: PrismaClient
  readonly storage: Storage
  readonly folder: string
  readonly lane: Lane
  readonly maxPixels: number
  readonly newId: () => string
}

/** What is kept of a picture that cannot be decoded: nobody tries again. */
const none = ''

/**
 * The placeholders of images, in their order: made when they are first asked for, and kept in the image's row. Null
 * for a partial image, which is shown for a moment only, for a picture that cannot be decoded, and while too many
 * pictures are being decoded.
 */
export async function readThumbHashes(
  options: ThumbHashesOptions,
  images: readonly ThumbHashSource[],
): Promise<(string | null)[]> {
  const made: { id: string; thumbHash: string }[] = []
  const hashes = images.map(async ({ thumbHash, ...image }) => {
    if (thumbHash !== null || image.role === 'PARTIAL') return thumbHash
    const hash = await makeThumbHash(options, image)
    if (hash !== null) made.push({ id: image.id, thumbHash: hash })
    return hash
  })
  const found = await Promise.all(hashes)
  if (made.length > 0) await keepThumbHashes(options.prisma, made)
  return found.map((hash) => hash || null)
}

async function makeThumbHash(
  { storage, folder, lane, maxPixels, newId }: ThumbHashesOptions,
  image: Omit<ThumbHashSource, 'thumbHash'>,
): Promise<string | null> {
  const files = createTemporaryFiles(folder, newId)
  const make = async () => {
    await prepareFolder(folder)
    const path = files.next()
    await fetchFile(storage, image.storageKey, path)
    return await readThumbHash(path, maxPixels)
  }
  try {
    const needsWholePicture = !['image/png', 'image/jpeg'].includes(image.mimeType)
    const { userId } = image
    return await lane.run(make, { userId, slots: slotsFor({ ...image, needsWholePicture }) })
  } catch (error) {
    return error instanceof EaselError && error.code === 'BAD_USER_INPUT' ? none : null
  } finally {
    await files.dispose()
  }
}

async function keepThumbHashes(
  prisma: PrismaClient,
  made: readonly { id: string; thumbHash: string }[],
): Promise<void> {
  await prisma.$executeRaw(Prisma.sql`
    UPDATE image SET thumb_hash = made."thumbHash"
      FROM jsonb_to_recordset(${JSON.stringify(made)}::jsonb) AS made (id uuid, "thumbHash" text)
     WHERE image.id = made.id`)
}
