import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Image } from '../database/generated/client.ts'
import type { Lane } from './gate.ts'
import type { ImageVariant, VariantFormat } from './image-url.ts'
import { openPixels, slotsFor } from './pixels.ts'
import type { Storage } from './storage.ts'
import { createTemporaryFiles, prepareFolder } from './temporary-files.ts'
import { type CachedFile, createVariantCache } from './variant-cache.ts'

const fetchTimeoutMs = 60_000

/** How often a copy is made again when a full cache drops it before it is read. */
const maxTries = 3

/** A variant that really differs from the image it is made of. */
export interface RenderedVariant {
  readonly width: number
  readonly format: VariantFormat
}

export type VariantSource = Pick<
  Image,
  'id' | 'userId' | 'storageKey' | 'sha256' | 'width' | 'height' | 'mimeType'
>

export interface VariantsOptions {
  readonly storage: Storage
  readonly folder: string
  readonly maxBytes: number
  readonly maxPixels: number
  readonly lane: Lane
  readonly newId: () => string
}

export interface Variants {
  /** The caller closes the handle. */
  open(image: VariantSource, variant: RenderedVariant, signal?: AbortSignal): Promise<CachedFile>
  drop(imageId: string): Promise<void>
}

/** What browsers show and decoders make copies of: of animations these have the first frame. */
export const shownTypes: ReadonlySet<string> = new Set(
  ['png', 'jpeg', 'webp', 'apng', 'avif', 'gif'].map((format) => `image/${format}`),
)

const isFormat = (format: string): format is VariantFormat => ['png', 'jpeg', 'webp'].includes(format)

/** The variant to make; null where the request is for the image itself. An image is never enlarged. */
export function resolveVariant(
  image: VariantSource,
  variant: ImageVariant,
  maxPixels: number,
): RenderedVariant | null {
  if (!shownTypes.has(image.mimeType) || image.width * image.height > maxPixels) return null
  const ownFormat = image.mimeType.replace('image/', '')
  const width = Math.min(variant.width ?? image.width, image.width)
  if (width === image.width && (variant.format ?? ownFormat) === ownFormat) return null
  return { width, format: variant.format ?? (isFormat(ownFormat) ? ownFormat : 'webp') }
}

/** Copies in another size or format, made once and kept as long as the cache has room. */
export function createVariants(options: VariantsOptions): Variants {
  const cache = createVariantCache(options)
  const making = new Map<string, Promise<void>>()
  const make = (name: string, image: VariantSource, variant: RenderedVariant) => {
    const started = making.get(name)
    if (started) return started
    // Several requests may wait for one copy, so none of their signals may end it; the decoder has its own time limit.
    const promise = renderToFile(options, image, variant, (file) => cache.add(name, file))
    making.set(name, promise)
    return promise.finally(() => making.delete(name))
  }
  return {
    async open(image, variant, signal) {
      const name = `${image.id}-${image.sha256.slice(0, 16)}-w${variant.width}.${variant.format}`
      for (let tries = 1; ; tries++) {
        const cached = await cache.get(name)
        if (cached) return cached
        if (tries > maxTries)
          throw new Error('a resized image vanished again and again before it could be read')
        await raceAbort(make(name, image, variant), signal)
      }
    },
    drop: (imageId) => cache.dropWithPrefix(`${imageId}-`),
  }
}

async function renderToFile(
  options: VariantsOptions,
  image: VariantSource,
  variant: RenderedVariant,
  keep: (file: string) => Promise<void>,
): Promise<void> {
  const { storage, folder, lane, maxPixels, newId } = options
  const files = createTemporaryFiles(folder, newId)
  try {
    await prepareFolder(folder)
    const render = async () => {
      const [original, result] = [files.next(), files.next()]
      await fetchFile(storage, image.storageKey, original)
      await encode(original, result, variant, maxPixels)
      await keep(result)
    }
    const { userId } = image
    await lane.run(render, { userId, slots: slotsFor({ ...image, needsWholePicture: true }) })
  } finally {
    await files.dispose()
  }
}

/** The decoder reads files: given a stream it would collect all of it in memory first. */
export async function fetchFile(
  storage: Storage,
  key: string,
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  const limit = AbortSignal.timeout(fetchTimeoutMs)
  const either = signal ? AbortSignal.any([signal, limit]) : limit
  const source = await storage.open(key, { signal: either })
  await pipeline(source, createWriteStream(to, { flags: 'wx', mode: 0o600 }), { signal: either })
}

async function encode(from: string, to: string, variant: RenderedVariant, maxPixels: number): Promise<void> {
  const pixels = openPixels(from, maxPixels, 'none').resize({
    width: variant.width,
    withoutEnlargement: true,
  })
  if (variant.format === 'jpeg') pixels.flatten({ background: '#ffffff' }).jpeg({ quality: 85 })
  else if (variant.format === 'webp') pixels.webp({ quality: 82 })
  else pixels.png()
  await pixels.toFile(to)
}

async function raceAbort(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([work, aborted])
  } finally {
    signal?.removeEventListener('abort', onAbort)
    work.catch(() => {})
  }
}
