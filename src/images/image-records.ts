import type { Prisma, PrismaClient } from '../database/database.ts'
import type { Image } from '../database/generated/client.ts'
import type { ImageMimeType } from './image-layout.ts'
import type { StagedImage } from './staging.ts'
import { type Storage, storageKey } from './storage.ts'

export type ImageRole = Image['role']

/** Inside a transaction pass its client: the embedded database has one connection, and another client would wait for it. */
export type DatabaseClient = PrismaClient | Prisma.TransactionClient

/** An image whose bytes are durable but which no row names yet. */
export interface StoredImage {
  readonly storageKey: string
  readonly sha256: string
  readonly byteSize: number
  readonly mimeType: ImageMimeType
  readonly width: number
  readonly height: number
  readonly hasAlpha: boolean
  readonly thumbHash: string | null
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

/** Writes the row. A place has one image: done again after a crash, the row that is there keeps its id. */
export function recordImage(client: DatabaseClient, stored: StoredImage, place: ImagePlace): Promise<Image> {
  const { storageKey, sha256, byteSize, mimeType, width, height, hasAlpha, thumbHash } = stored
  const { id, operationId, userId, role, position, createdAt, revisedPrompt = null } = place
  const facts = { storageKey, sha256, byteSize, mimeType, width, height, hasAlpha, thumbHash, revisedPrompt }
  return client.image.upsert({
    where: { operationId_role_position: { operationId, role, position } },
    create: { ...facts, id, operationId, userId, role, position, createdAt },
    update: facts,
  })
}
