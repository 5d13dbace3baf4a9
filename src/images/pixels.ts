import sharp, { type Sharp } from 'sharp'
import { rgbaToThumbHash } from 'thumbhash'
import { EaselError } from '../errors.ts'
import { storageFull } from './disk-full.ts'
import type { Gate } from './gate.ts'
import type { ImageLayout } from './image-layout.ts'
import { refusal } from './refusal.ts'

/** Above this a decoder that needs the whole picture works alone: 8 million pixels are about 32 MB. */
const sharedPixels = 8_000_000

const decodeSeconds = 60

type PictureShape = Pick<ImageLayout, 'width' | 'height' | 'needsWholePicture'>

/**
 * Settings of the whole process. Of the loaders that open files only those of the three accepted formats stay: SVG,
 * TIFF, HEIF and the others reach code that has nothing to do here. An SVG in memory can still be drawn, since that is
 * how other rooms make pictures; what users send is only ever opened as a file. One libvips thread per picture and no cache of operations keep memory
 * flat; the gate decides how many pictures are open at once.
 */
export function restrictSharp(): void {
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: [
      'VipsForeignLoadJpegFile',
      'VipsForeignLoadPngFile',
      'VipsForeignLoadWebpFile',
      'VipsForeignLoadJpegBuffer',
      'VipsForeignLoadPngBuffer',
      'VipsForeignLoadWebpBuffer',
      'VipsForeignLoadSvgBuffer',
    ],
  })
  sharp.cache(false)
  sharp.concurrency(1)
}

/** A lazy decoder over a file that reads from top to bottom and stops at damage. */
export function openPixels(path: string, maxPixels: number, failOn: 'error' | 'warning' = 'error'): Sharp {
  return sharp(path, {
    sequentialRead: true,
    failOn,
    limitInputPixels: maxPixels,
    animated: false,
  }).timeout({ seconds: decodeSeconds })
}

export function slotsFor(shape: PictureShape): number | 'all' {
  return shape.needsWholePicture && shape.width * shape.height > sharedPixels ? 'all' : 1
}

/**
 * sharp passes libvips' words on and has no codes: its time limit, memory, and what the system said of a file
 * (`vips_error_system`). The rest is about the format. sharp 0.35, libvips 8.18.
 */
const isNoFaultOfPicture =
  /^timeout: |^system error: |^Input file is missing|out of memory|insufficient memory|allocate enough memory/im
const isNoRoom = /^system error: (No space left on device|Disk quota exceeded)/m

/** What a picture that could not be decoded, or written, means: that it is damaged only if nothing else was the matter. */
export function toPixelError(cause: unknown): EaselError {
  const words = cause instanceof Error ? cause.message : ''
  if (isNoRoom.test(words)) return storageFull(cause)
  if (!isNoFaultOfPicture.test(words))
    return refusal('IMAGE_CORRUPT', { because: 'the pixels cannot be decoded', cause })
  return new EaselError(
    'UNAVAILABLE',
    'The image could not be looked at; try again shortly.',
    { reason: 'IMAGE_UNREADABLE', retryAfterMs: 5_000 },
    { cause },
  )
}

/**
 * Decodes every pixel once, which proves that they are whole, and makes the placeholder out of a picture of at most
 * 100 pixels a side.
 */
export async function readThumbHash(options: {
  path: string
  layout: ImageLayout
  maxPixels: number
  gate: Gate
  signal?: AbortSignal | undefined
}): Promise<string> {
  const { path, layout, maxPixels, gate, signal } = options
  // libjpeg fills missing pixels with grey and only warns; libpng warns of harmless things, such as odd profiles.
  const failOn = layout.mimeType === 'image/jpeg' ? 'warning' : 'error'
  const decode = () =>
    openPixels(path, maxPixels, failOn)
      .resize({ width: 100, height: 100, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
      .catch((cause) => {
        throw toPixelError(cause)
      })
  const { data, info } = await gate.run(decode, { slots: slotsFor(layout), signal })
  return Buffer.from(rgbaToThumbHash(info.width, info.height, data)).toString('base64')
}
