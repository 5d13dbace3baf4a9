import { open } from 'node:fs/promises'
import { EaselError } from '../errors.ts'
import { releasePiece, takePiece } from '../piece-pool.ts'
import { readFileBytes } from './byte-reader.ts'
import { copyPieces, digestFile, type FileDigest, writeUpright } from './clean-copy.ts'
import { isDiskFull, storageFull } from './disk-full.ts'
import type { Gate } from './gate.ts'
import { type ImageLayout, isUnchanged, type LayoutOptions, type PixelLimits } from './image-layout.ts'
import { readLayout } from './layout-reader.ts'
import { isReadCleanly, slotsFor } from './pixels.ts'
import { type ResultFacts, readResult } from './result-layout.ts'
import { createTemporaryFiles, prepareFolder, removeFile, type TemporaryFiles } from './temporary-files.ts'
import { ArrivingFile, type ByteSource, pour, tooLarge } from './upload.ts'

/** A checked image without metadata in a file of its own. Its holder must discard it. */
export interface StagedImage {
  readonly path: string
  readonly sha256: string
  readonly byteSize: number
  readonly mimeType: ResultFacts['mimeType']
  readonly width: number
  readonly height: number
  readonly hasAlpha: boolean
  discard(): Promise<void>
}

export interface StageOptions {
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
  /** Whose upload it is: users take turns at the decoders. */
  readonly userId?: string | undefined
  /**
   * Whether signed provenance (C2PA) stays in the file; by default it does. It says that a picture was generated, but
   * a camera's may also say where it was taken.
   */
  readonly keepProvenance?: boolean
  /**
   * Whether the image was paid for. Then it is kept as it came where nothing better can be done: in a type that uploads may
   * not have, damaged, animated, or with too many pixels.
   */
  readonly isResult?: boolean
}

export interface StagingOptions {
  readonly folder: string
  readonly limits: PixelLimits
  readonly gate: Gate
  readonly newId: () => string
}

/** A file with the digest of its bytes. It must not change. */
export interface WrittenFile extends FileDigest {
  readonly path: string
}

/** An image whose bytes are on their way. Whoever asked for it ends or discards it. */
export interface ArrivingImage {
  /** The chunk must not change afterwards; a piece of the pool is released. */
  write(chunk: Uint8Array): Promise<void>
  /** Reads the structure, removes metadata, turns it upright. */
  end(): Promise<StagedImage>
  /** Drops what has come. */
  discard(): Promise<void>
}

/** The structure says whether a file is whole; its pixels are decoded only to turn them. */
export function receiveImage(staging: StagingOptions, options: StageOptions): ArrivingImage {
  const files = createTemporaryFiles(staging.folder, staging.newId)
  const path = files.next()
  let opened: ArrivingFile | null = null
  const open = async () => {
    opened ??= await ArrivingFile.create({ ...options, path })
    return opened
  }
  const close = async () => {
    const file = opened
    opened = null
    await file?.[Symbol.asyncDispose]()
  }
  return {
    write: (chunk) => tellingFull(async () => (await open()).write(chunk)),
    end: () =>
      tellingFull(async () => {
        try {
          const digest = await (await open()).end()
          await close()
          const image = await takeImage({ staging, files, path, digest, options })
          files.release(image.path)
          return image
        } finally {
          await close()
          await files.dispose()
        }
      }),
    discard: async () => {
      await close()
      await files.dispose()
    },
  }
}

/** Looks at a file that is written already. It stays its owner's, and is what is staged where nothing in it has to change. */
export async function stageFile(
  staging: StagingOptions,
  { path, ...digest }: WrittenFile,
  options: StageOptions,
): Promise<StagedImage> {
  if (digest.byteSize > options.maxBytes) throw tooLarge(options.maxBytes, digest.byteSize)
  const files = createTemporaryFiles(staging.folder, staging.newId)
  return tellingFull(async () => {
    try {
      const image = await takeImage({ staging, files, path, digest, options })
      files.release(image.path)
      return image.path === path ? { ...image, discard: async () => {} } : image
    } finally {
      await files.dispose()
    }
  })
}

/** Takes a stream in. */
export async function stageImage(
  staging: StagingOptions,
  source: ByteSource,
  options: StageOptions,
): Promise<StagedImage> {
  const image = receiveImage(staging, options)
  try {
    await pour(source, image.write, options)
    return await image.end()
  } catch (error) {
    await image.discard()
    throw error
  }
}

async function tellingFull<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isDiskFull(error) ? storageFull(error) : error
  }
}

interface CleanContext {
  staging: StagingOptions
  files: TemporaryFiles
  path: string
  digest: FileDigest
  options: StageOptions
}

async function takeImage(context: CleanContext): Promise<StagedImage> {
  try {
    return await cleanImage(context)
  } catch (error) {
    const isRefused = error instanceof EaselError && error.code === 'BAD_USER_INPUT'
    const image = isRefused && context.options.isResult ? await resultAsItCame(context) : null
    if (image) return image
    throw error
  }
}

/** Null where it is no image for anybody. */
async function resultAsItCame({ staging, path, digest, options }: CleanContext): Promise<StagedImage | null> {
  const { gate, limits } = staging
  const look = () => readResult(path, limits.maxPixels)
  const facts = await gate.run(look, { slots: 'all', signal: options.signal })
  return facts && { path, ...digest, ...facts, discard: async () => void (await removeFile(path)) }
}

async function cleanImage(context: CleanContext): Promise<StagedImage> {
  const { staging, options } = context
  const { limits, gate } = staging
  const { signal, userId, keepProvenance = true, isResult = false } = options
  const reading = { limits, keepProvenance, mendsLength: isResult }
  let { path, digest } = context
  let layout = await layoutOf(path, reading)
  signal?.throwIfAborted()
  const needsEncoding = !(await isProven(context, layout))
  if (layout.orientation !== 1 || needsEncoding) {
    const upright = await nextFile(context)
    const encode = () => writeUpright({ from: path, to: upright, layout, maxPixels: limits.maxPixels })
    await gate.run(encode, { slots: slotsFor({ ...layout, needsWholePicture: true }), userId, signal })
    path = upright
    layout = await layoutOf(path, reading)
    digest = await digestFile(path)
  }
  if (!isUnchanged(layout, digest.byteSize)) {
    const clean = await nextFile(context)
    digest = await copyPieces({ from: path, to: clean, pieces: layout.pieces, signal })
    path = clean
  }
  signal?.throwIfAborted()
  const { mimeType, width, height, hasAlpha } = layout
  return {
    path,
    ...digest,
    mimeType,
    width,
    height,
    hasAlpha,
    discard: async () => void (await removeFile(path)),
  }
}

/** A file that is written already may be the first whose copy needs the folder. */
async function nextFile({ staging, files }: Pick<CleanContext, 'staging' | 'files'>): Promise<string> {
  await prepareFolder(staging.folder)
  return files.next()
}

/** Whether what was mended reads without a warning. Throws where that leaves no whole picture. */
async function isProven(context: CleanContext, { unproven, ...shape }: ImageLayout): Promise<boolean> {
  if (!unproven) return true
  const { staging, path, options } = context
  const { gate, limits } = staging
  const { userId, signal } = options
  const copy = await nextFile(context)
  await copyPieces({ from: path, to: copy, pieces: unproven.pieces, signal })
  const read = () => isReadCleanly(copy, limits.maxPixels)
  const isClean = await gate.run(read, { slots: slotsFor(shape), userId, signal })
  await removeFile(copy)
  if (!isClean && unproven.refused) throw unproven.refused
  return isClean
}

async function layoutOf(path: string, options: LayoutOptions): Promise<ImageLayout> {
  await using handle = await open(path, 'r')
  const { size } = await handle.stat()
  const window = takePiece()
  const layout = await readLayout(readFileBytes(handle, size, window), options)
  releasePiece(window)
  return layout
}
