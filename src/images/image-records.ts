import { type Image, Prisma } from '../database/generated/client.ts'
import type { StagedImage } from './staging.ts'
import { type Storage, storageKey } from './storage.ts'

export type ImageRole = Image['role']

export const imageRoles: readonly ImageRole[] = ['INPUT', 'MASK', 'PARTIAL', 'RESULT']

/** An image whose bytes are durable and that has no row yet. */
export interface StoredImage {
  readonly storageKey: string
  readonly sha256: string
  readonly byteSize: number
  readonly mimeType: StagedImage['mimeType']
  readonly width: number
  readonly height: number
  readonly hasAlpha: boolean
}

export interface ImagePlace {
  readonly id: string
  readonly operationId: string
  readonly userId: string
  readonly role: ImageRole
  readonly position: number
  readonly createdAt: Date
  readonly revisedPrompt?: string | null
}

/** Puts the bytes of a staged image into the storage. The staged file is still there afterwards. */
export async function storeImage(
  storage: Storage,
  staged: StagedImage,
  place: { operationId: string; signal?: AbortSignal | undefined },
): Promise<StoredImage> {
  const { path, discard: _, ...facts } = staged
  const key = storageKey(place.operationId, staged)
  const { mimeType: contentType, byteSize } = staged
  await storage.put(key, path, { contentType, byteSize, signal: place.signal })
  return { ...facts, storageKey: key }
}

/**
 * The part of a statement that writes the rows of stored images, if the caller's part `moved` has a row. It returns their
 * `id` and `position`: a place has one image, and done again after a crash the row that is there keeps its id.
 */
export function writeImages(images: readonly { stored: StoredImage; place: ImagePlace }[]): Prisma.Sql {
  const rows = images.map(({ stored, place }) => ({ ...stored, ...place }))
  return Prisma.sql`
    INSERT INTO image (id, operation_id, user_id, role, position, created_at, revised_prompt, storage_key, sha256,
      byte_size, mime_type, width, height, has_alpha)
    SELECT i.id, i."operationId", i."userId", i.role::"ImageRole", i.position, i."createdAt", i."revisedPrompt",
           i."storageKey", i.sha256, i."byteSize", i."mimeType", i.width, i.height, i."hasAlpha"
      FROM moved CROSS JOIN jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS i (
        id uuid, "operationId" uuid, "userId" uuid, role text, position int, "createdAt" timestamptz,
        "revisedPrompt" text, "storageKey" text, sha256 text, "byteSize" int, "mimeType" text, width int, height int,
        "hasAlpha" boolean)
    ON CONFLICT (operation_id, role, position) DO UPDATE SET
      storage_key = EXCLUDED.storage_key, sha256 = EXCLUDED.sha256, byte_size = EXCLUDED.byte_size,
      mime_type = EXCLUDED.mime_type, width = EXCLUDED.width, height = EXCLUDED.height,
      has_alpha = EXCLUDED.has_alpha, thumb_hash = NULL, revised_prompt = EXCLUDED.revised_prompt
    RETURNING id, role, position`
}
