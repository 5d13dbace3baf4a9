import type { Image, Prisma } from '../../../src/database/generated/client.ts'
import type { ImagePlace, Images, StoredImage } from '../../../src/images/images.ts'

/** The row of an image alone: it is a part of the statement that accepts, goes on with or ends an operation. */
export async function recordImage(
  client: Pick<Prisma.TransactionClient, '$queryRaw' | 'image'>,
  images: Images,
  stored: StoredImage,
  place: ImagePlace,
): Promise<Image> {
  const rows = await client.$queryRaw<{ id: string }[]>`
    WITH moved AS (SELECT 1), recorded AS (${images.writeImages([{ stored, place }])}) SELECT id FROM recorded`
  return client.image.findUniqueOrThrow({ where: { id: rows[0]?.id ?? '' } })
}
