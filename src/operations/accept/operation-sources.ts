import type { Database } from '../../database/database.ts'
import type { Image, Prisma } from '../../database/generated/client.ts'
import { EaselError } from '../../errors.ts'
import type { Images, StagedImage, StoredImage } from '../../images/images.ts'
import type { NewOperation } from '../transitions/accept.ts'
import type { FingerprintedFile } from './fingerprint.ts'

/** An image as a client gives it: a file that is being uploaded, or one that Easel already has. */
export type SourceInput = { imageId: string } | { upload: Upload }

/** A file of the running request, which is discarded with it. */
export interface Upload {
  readonly staged: Promise<StagedImage>
}

export interface NamedSource {
  /** Where it stands in the input, e.g. `image.0` or `mask`. */
  path: string
  role: 'INPUT' | 'MASK'
  position: number
  source: SourceInput
}

/** A source whose bytes are on disk and known. */
export interface ReadySource extends Omit<NamedSource, 'source'> {
  image: StagedImage | Image
  upload: Upload | null
}

export interface OperationSources {
  /** Waits for the uploads, all at once and in whatever order they arrive, and finds the images. */
  ready(sources: NamedSource[], userId: string): Promise<ReadySource[]>
  /** Makes the uploads durable under the operation's id. */
  store(sources: ReadySource[], operationId: string): Promise<StoredSource[]>
  /** The rows that the statement which accepts the operation writes for the sources. */
  toWrite(sources: StoredSource[], owner: SourceOwner): NewOperation['sources']
  /** Images that are there already stay until the transaction has ended. Throws NOT_FOUND for one that is gone. */
  lock(tx: Prisma.TransactionClient, sources: StoredSource[]): Promise<void>
}

export interface StoredSource extends ReadySource {
  stored: StoredImage | null
}

export interface SourceOwner {
  operationId: string
  userId: string
  at: Date
}

export function createOperationSources(options: {
  database: Database
  images: Images
  newId: () => string
}): OperationSources {
  const { database, images, newId } = options

  const find = async (imageId: string, userId: string): Promise<Image> => {
    const image = await database.prisma.image.findFirst({ where: { id: imageId, userId } })
    if (image) return image
    throw imageNotFound()
  }

  return {
    ready: (sources, userId) =>
      eachSource(sources, async ({ path, role, position, source }) => {
        const upload = 'upload' in source ? source.upload : null
        const image = await ('upload' in source ? source.upload.staged : find(source.imageId, userId))
        return { path, role, position, image, upload }
      }),

    store: async (sources, operationId) => {
      const stored: StoredSource[] = []
      try {
        for (const source of sources) {
          const isUpload = source.upload !== null
          stored.push({
            ...source,
            stored: isUpload ? await images.store(source.image as StagedImage, operationId) : null,
          })
        }
      } catch (error) {
        // The files that were stored before the one that failed are not needed. The sweep removes what is left of them.
        await images.deleteImages({ operationId }).catch(() => {})
        throw error
      }
      return stored
    },

    toWrite: (sources, { operationId, userId, at }) => {
      const images = sources.flatMap(({ role, position, stored }) => {
        const place = { id: newId(), operationId, userId, role, position, createdAt: at }
        return stored ? [{ stored, place }] : []
      })
      const named = sources.flatMap(({ role, position, image, stored }) =>
        stored ? [] : [{ role, position, imageId: (image as Image).id }],
      )
      return { written: images.length > 0 ? options.images.writeImages(images) : null, named }
    },
    lock: lockImages,
  }
}

/** Locks the images that Easel already has until the transaction has ended; then retention sees their use. */
async function lockImages(tx: Prisma.TransactionClient, sources: StoredSource[]): Promise<void> {
  const named = sources.flatMap(({ path, image, stored }) =>
    stored ? [] : [{ path, id: (image as Image).id }],
  )
  if (named.length === 0) return
  const ids = named.map(({ id }) => id)
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM image WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR KEY SHARE`
  const locked = new Set(rows.map(({ id }) => id))
  const gone = named.find(({ id }) => !locked.has(id))
  if (gone) throw imageNotFound().at(`input.${gone.path}`)
}

function imageNotFound(): EaselError {
  return new EaselError('NOT_FOUND', 'There is no such image.', { reason: 'IMAGE_NOT_FOUND' })
}

/** The content at each input path, for the fingerprint: an upload's bytes, or the id of an image, found or not. */
export function fingerprintFiles(sources: NamedSource[]): Promise<FingerprintedFile[]> {
  return eachSource(sources, async ({ path, source }) => ({
    path,
    content:
      'upload' in source
        ? `sha256:${(await source.upload.staged).sha256}`
        : `image:${source.imageId.toLowerCase()}`,
  }))
}

/** Waits for all of them, so that no upload is left unread; the first error names its input. */
async function eachSource<T>(
  sources: NamedSource[],
  work: (source: NamedSource) => Promise<T>,
): Promise<T[]> {
  const settled = await Promise.allSettled(sources.map(work))
  return settled.map((result, index) => {
    if (result.status === 'fulfilled') return result.value
    if (result.reason instanceof EaselError) throw result.reason.at(`input.${sources[index]?.path}`)
    throw result.reason
  })
}
