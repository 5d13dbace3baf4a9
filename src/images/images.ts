import type { Readable } from 'node:stream'
import type { MaskCoverage } from '../catalogue/source-facts.ts'
import type { Prisma, PrismaClient } from '../database/database.ts'
import type { Image } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import { type Base64Image, toBase64Image } from './base64.ts'
import { createGate, type Gate } from './gate.ts'
import { type Deletion, deleteImages, discardImages } from './image-deletion.ts'
import {
  type ImagePlace,
  type ImageRole,
  imageRoles,
  type StoredImage,
  storeImage,
  writeImages,
} from './image-records.ts'
import { createImageRoute } from './image-route.ts'
import { createImageUrls, type ImageVariant, type SigningKey } from './image-url.ts'
import { readCoverage } from './mask.ts'
import { restrictSharp } from './pixels.ts'
import {
  type ArrivingImage,
  receiveImage,
  type StagedImage,
  type StageOptions,
  stageFile,
  stageImage,
  type WrittenFile,
} from './staging.ts'
import { objectMissing, type Storage } from './storage.ts'
import type { MarkOptions } from './storage-mark.ts'
import { confirmOwner, isForeignStorage } from './storage-owner.ts'
import { type SweepReport, type SweepRequest, sweepStorage } from './storage-sweep.ts'
import { admitUploads, readStorageUse, type StorageUse } from './storage-use.ts'
import { createTemporaryFiles, prepareFolder, sweepTemporaryFiles } from './temporary-files.ts'
import { readThumbHashes, type ThumbHashSource } from './thumb-hashes.ts'
import type { ByteSource } from './upload.ts'
import { createVariants, fetchFile } from './variants.ts'

export type {
  ArrivingImage,
  Base64Image,
  ImagePlace,
  ImageRole,
  ImageVariant,
  SigningKey,
  StagedImage,
  StageOptions,
  StorageUse,
  StoredImage,
  WrittenFile,
}
export { imageRoles }

export interface ImageLimits {
  readonly maxPixels: number
  readonly maxEdge: number
  readonly maxBase64Bytes: number
  readonly variantCacheBytes: number
  /** How many pictures are decoded at once. */
  readonly decoders: number
  /** How many uploads may wait for a decoder, of all users and of one. */
  readonly maxWaitingUploads: number
  readonly maxWaitingUploadsPerUser: number
  /** How many resized copies may wait for a decoder, of all images and of those of one user. */
  readonly maxWaitingVariants: number
  readonly maxWaitingVariantsPerUser: number
  /** What one user's images may take together; null: any number. */
  readonly storedBytesPerUser: number | null
  readonly urlSeconds: number
  readonly maxUrlSeconds: number
}

export interface ImagesOptions {
  readonly prisma: PrismaClient
  readonly storage: Storage
  /** Whether only this gateway reaches the storage. Images of another database in it then stay, and the start goes on. */
  readonly isPrivate?: boolean
  /** On the same file system as the storage's folder, so that images are linked instead of copied. */
  readonly stagingDir: string
  readonly cacheDir: string
  readonly publicUrl: string
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]]
  readonly limits: ImageLimits
  readonly now: () => Date
  readonly newId: () => string
}

type Stored = Pick<Image, 'storageKey'>

export interface CoverageOptions {
  /** Who asks: users take turns at the decoders. */
  readonly userId?: string
  readonly signal?: AbortSignal
}

export interface Images {
  /** Receives a stream as a file and checks it. Errors name no field. */
  stage(source: ByteSource, options: StageOptions): Promise<StagedImage>
  /** The same for bytes that are given piece by piece. */
  receive(options: StageOptions): ArrivingImage
  /** The same for a file that is written already; it must be there until the image is stored. */
  stageFile(file: WrittenFile, options: StageOptions): Promise<StagedImage>
  /** Which pixels of a mask with an alpha channel are transparent, be it just uploaded or an image that is kept. */
  readCoverage(mask: StagedImage | Image, options?: CoverageOptions): Promise<MaskCoverage>
  /** Refuses files for which their user has no room. */
  admitUploads(uploads: { userId: string; bytes: number }): Promise<void>
  /** What the images of users take, in their order. */
  storageUse(userIds: readonly string[]): Promise<StorageUse[]>
  /** Makes the bytes durable; `writeImages` then makes them an image. */
  store(staged: StagedImage, operationId: string, signal?: AbortSignal): Promise<StoredImage>
  writeImages(images: readonly { stored: StoredImage; place: ImagePlace }[]): Prisma.Sql
  url(image: Pick<Image, 'id'>, options?: { variant?: ImageVariant; expiresInSeconds?: number }): string
  serve(request: Request): Promise<Response>
  open(image: Stored, options?: { signal?: AbortSignal }): Promise<Readable>
  /** Makes sure that the image is there, and reads nothing of it yet. */
  base64(image: Stored & Pick<Image, 'byteSize'>): Promise<Base64Image>
  /** The placeholders of images, in their order; see `readThumbHashes` for those that have none. */
  thumbHashes(images: readonly ThumbHashSource[]): Promise<(string | null)[]>
  /** Deletes all images of an operation that was not accepted. Returns the number of images that had rows. */
  deleteImages(which: { operationId: string }): Promise<number>
  /** Deletes expired images of many operations. Returns the number of operations that lost images. */
  expireImages(which: Deletion): Promise<number>
  /** Throws where the storage belongs to another database (see `isForeignStorage`), or cannot be asked. */
  confirmOwner(signal?: AbortSignal): Promise<StorageOwnership>
  /** Deletes the files that killed processes left on this machine. Returns their number. */
  sweepTemporaryFiles(options: { olderThanMs: number }): Promise<number>
  /** Deletes what killed processes left in the storage, once a day in one process of all. Null: not now, or not here. */
  sweepStorage(request: SweepRequest): Promise<SweepReport | null>
}

export function createImages(options: ImagesOptions): Images {
  restrictSharp()
  const { prisma, storage, stagingDir, cacheDir, publicUrl, signingKeys, limits, now, newId } = options
  const gate = createGate({
    slots: limits.decoders,
    maxWaiting: limits.maxWaitingUploads,
    maxWaitingPerUser: limits.maxWaitingUploadsPerUser,
  })
  const lane = gate.laneBehind({
    maxWaiting: limits.maxWaitingVariants,
    maxWaitingPerUser: limits.maxWaitingVariantsPerUser,
  })
  const staging = { folder: stagingDir, limits, gate, newId }
  const urls = createImageUrls({
    publicUrl,
    signingKeys,
    now,
    defaultSeconds: limits.urlSeconds,
    maxSeconds: limits.maxUrlSeconds,
  })
  const variants = createVariants({
    storage,
    lane,
    newId,
    folder: cacheDir,
    maxBytes: limits.variantCacheBytes,
    maxPixels: limits.maxPixels,
  })
  const thumbHashing = {
    prisma,
    storage,
    folder: cacheDir,
    lane,
    maxPixels: limits.maxPixels,
    newId,
  }
  let owner: StorageOwnership | null = null
  const confirm = async (signal?: AbortSignal): Promise<StorageOwnership> => {
    owner ??= await readOwnership({ prisma, storage, signal }, options.isPrivate ?? false)
    return owner
  }
  const store: Images['store'] = async (staged, operationId, signal) => {
    // The storage may have been away at the start, and no image may be kept in another database's storage.
    await confirm(signal)
    return storeImage(storage, staged, { operationId, signal })
  }
  const find = (id: string) => prisma.image.findUnique({ where: { id } })
  const open: Images['open'] = (image, { signal } = {}) => storage.open(image.storageKey, { signal })
  return {
    stage: (source, stageOptions) => stageImage(staging, source, stageOptions),
    receive: (stageOptions) => receiveImage(staging, stageOptions),
    stageFile: (file, stageOptions) => stageFile(staging, file, stageOptions),
    readCoverage: (mask, asked = {}) => coverageOf({ mask, storage, asked, staging, limits, gate }),
    admitUploads: (uploads) => admitUploads(options, uploads),
    storageUse: (userIds) => readStorageUse(options, userIds),
    store,
    writeImages,
    url: (image, urlOptions) => urls.sign(image.id, urlOptions),
    serve: createImageRoute({ find, urls, storage, variants, maxPixels: limits.maxPixels, now }),
    open,
    base64: async (image) => {
      if (image.byteSize > limits.maxBase64Bytes) throw tooLong(limits.maxBase64Bytes, image.byteSize)
      if ((await storage.size(image.storageKey)) === null) throw objectMissing()
      return toBase64Image(image.byteSize, (signal) => open(image, signal && { signal }))
    },
    thumbHashes: (sources) => readThumbHashes(thumbHashing, sources),
    deleteImages: async ({ operationId }) => {
      const ids = await discardImages({ prisma, storage }, operationId)
      for (const id of ids) await variants.drop(id)
      return ids.length
    },
    expireImages: async (which) => {
      const { imageIds, operationIds } = await deleteImages({ prisma, storage }, which)
      for (const id of imageIds) await variants.drop(id)
      return operationIds.length
    },
    confirmOwner: confirm,
    sweepTemporaryFiles: async ({ olderThanMs }) => {
      const olderThan = new Date(now().getTime() - olderThanMs)
      const counts = await Promise.all(
        [stagingDir, cacheDir].map((folder) => sweepTemporaryFiles(folder, olderThan)),
      )
      return counts.reduce((sum, count) => sum + count, 0)
    },
    sweepStorage: async (request) => {
      if ((await confirm(request.signal)) === 'ANOTHER') return null
      return sweepStorage({ prisma, storage, now, newId }, request)
    },
  }
}

function tooLong(allowed: number, actual: number): EaselError {
  return new EaselError('PAYLOAD_TOO_LARGE', 'The image is too large for base64.', {
    reason: 'BASE64_TOO_LONG',
    allowed: { maxBytes: allowed },
    actual: { bytes: actual },
    hint: 'USE_URL',
  })
}

/** Whose the storage is. `ANOTHER`: a private folder that has images of another database. */
export type StorageOwnership = 'OURS' | 'ANOTHER'

async function readOwnership(mark: MarkOptions, isPrivate: boolean): Promise<StorageOwnership> {
  try {
    await confirmOwner(mark)
    return 'OURS'
  } catch (error) {
    if (isPrivate && isForeignStorage(error)) return 'ANOTHER'
    throw error
  }
}

async function coverageOf(context: {
  mask: StagedImage | Image
  storage: Storage
  staging: { folder: string; newId: () => string }
  limits: ImageLimits
  gate: Gate
  asked: CoverageOptions
}): Promise<MaskCoverage> {
  const { mask, storage, staging, limits, gate, asked } = context
  const { maxPixels } = limits
  if ('path' in mask) return readCoverage({ ...asked, mask, maxPixels, gate })
  const files = createTemporaryFiles(staging.folder, staging.newId)
  try {
    const path = files.next()
    const fetch = async () => {
      await prepareFolder(staging.folder)
      await fetchFile(storage, mask.storageKey, path, asked.signal)
    }
    return await readCoverage({ ...asked, mask: { ...mask, path }, fetch, maxPixels, gate })
  } finally {
    await files.dispose()
  }
}
