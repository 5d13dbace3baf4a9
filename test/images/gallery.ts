import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Database } from '../../src/database/database.ts'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createImages, type ImageLimits, type ImageRole, type StagedImage } from '../../src/images/images.ts'
import type { Storage } from '../../src/images/storage.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'
import { recordImage } from '../kit/rooms/record-image.ts'

export interface GalleryParts {
  /** Closed with the gallery. */
  database?: Database
  storage?: Storage
}

interface GalleryPlace {
  userId?: string
  operationId?: string
  role?: ImageRole
  position?: number
}

/** The whole room over a real database and a real folder, or another storage, with a clock that tests set. */
export async function createGallery(limits: Partial<ImageLimits> = {}, parts: GalleryParts = {}) {
  const database = parts.database ?? (await createTestDatabase())
  const { prisma } = database
  const root = mkdtempSync(join(tmpdir(), 'easel-gallery-'))
  const clock = { now: new Date() }
  const storage = parts.storage ?? createFileStorage({ folder: join(root, 'images'), newId: randomUUID })
  const secret = 'canary-secret-of-the-first-key'
  const images = createImages({
    prisma,
    storage,
    stagingDir: join(root, 'staging'),
    cacheDir: join(root, 'cache'),
    publicUrl: 'https://easel.example/',
    signingKeys: [{ id: 'k1', secret }],
    limits: { ...defaultLimits.images, ...limits },
    now: () => clock.now,
    newId: randomUUID,
  })
  const createUser = async () => {
    const { id } = await prisma.user.create({ data: { id: randomUUID(), name: 'Ada' } })
    return id
  }
  const userId = await createUser()
  const createOperation = async () => {
    const at = clock.now
    const facts = { kind: 'EDIT', fingerprint: 'f', input: {}, provider: 'p', model: 'm' } as const
    const times = { createdAt: at, modifiedAt: at, deadlineAt: at }
    const { id } = await prisma.operation.create({ data: { id: randomUUID(), userId, ...facts, ...times } })
    return id
  }
  const keepStaged = async (
    staged: StagedImage,
    place: { operationId: string; role: ImageRole; position: number; userId?: string },
  ) => {
    const stored = await images.store(staged, place.operationId)
    return recordImage(prisma, images, stored, { userId, ...place, id: randomUUID(), createdAt: clock.now })
  }
  return {
    prisma,
    images,
    storage,
    keepStaged,
    clock,
    userId,
    secret,
    root,
    createUser,
    createOperation,
    stage: (bytes: Buffer) => images.stage(Readable.from([bytes]), { maxBytes: 50_000_000 }),
    /** Stages, keeps and discards in one go. */
    async keep(bytes: Buffer, { isResult = false, ...place }: GalleryPlace & { isResult?: boolean } = {}) {
      const staged = await images.stage(Readable.from([bytes]), { maxBytes: 50_000_000, isResult })
      const { role = 'RESULT', position = 0, operationId = await createOperation(), ...owner } = place
      const image = await keepStaged(staged, { ...owner, operationId, role, position })
      await staged.discard()
      return image
    },
    files: (folder: 'images' | 'staging' | 'cache') => {
      try {
        const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
      } catch {
        return []
      }
    },
    async close() {
      await database.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

export type Gallery = Awaited<ReturnType<typeof createGallery>>
