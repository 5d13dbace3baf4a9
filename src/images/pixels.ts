import sharp, { type Sharp } from 'sharp'
import { rgbaToThumbHash } from 'thumbhash'
import { EaselError } from '../errors.ts'
import { storageFull } from './disk-full.ts'
import type { ImageLayout } from './image-layout.ts'
import { refusal } from './refusal.ts'

/** Above this a decoder that needs the whole picture works alone: 8 million pixels are about 32 MB. */
const sharedPixels = 8_000_000

const decodeSeconds = 60

type PictureShape = Pick<ImageLayout, 'width' | 'height' | 'needsWholePicture'>

/**
 * Settings of the whole process. Only the loaders of the three accepted formats may open files, and those of GIF and
 * AVIF, which providers send: uploads of these types are refused before. Those of SVG and TIFF are not needed and are
 * attack surface. An SVG in memory can still be drawn, as other rooms do; uploads are
 * only opened as files. One libvips thread per picture and no cache of operations keep memory flat; the gate limits how
 * many pictures are open at once.
 */
export function restrictSharp(): void {
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: [
      'VipsForeignLoadJpegFile',
      'VipsForeignLoadPngFile',
      'VipsForeignLoadWebpFile',
      'VipsForeignLoadNsgifFile',
      'VipsForeignLoadHeifFile',
      'VipsForeignLoadJpegBuffer',
      'VipsForeignLoadPngBuffer',
      'VipsForeignLoadWebpBuffer',
      'VipsForeignLoadSvgBuffer',
    ],
  })
  sharp.cache(false)
  sharp.concurrency(1)
}

/** How bad a fault of a file must be to end its decoding. */
export type Strictness = 'none' | 'error' | 'warning'

/** A lazy decoder over a file that reads from top to bottom and stops at damage. */
export function openPixels(path: string, maxPixels: number | false, failOn: Strictness = 'error'): Sharp {
  return sharp(path, {
    sequentialRead: true,
    failOn,
    limitInputPixels: maxPixels,
    animated: false,
  }).timeout({ seconds: decodeSeconds })
}

/** Whether a decoder reads every line without a word. The copy that is read may be a little higher than its picture. */
export async function isReadCleanly(path: string, maxPixels: number): Promise<boolean> {
  const { width, height } = await openPixels(path, 2 * maxPixels).metadata()
  const column = { left: 0, top: 0, width: Math.min(width, 1), height }
  try {
    await openPixels(path, 2 * maxPixels, 'warning')
      .extract(column)
      .raw()
      .toBuffer()
    return true
  } catch (cause) {
    const error = toPixelError(cause)
    if (error.code === 'BAD_USER_INPUT') return false
    throw error
  }
}

export function slotsFor(shape: PictureShape): number | 'all' {
  return shape.needsWholePicture && shape.width * shape.height > sharedPixels ? 'all' : 1
}

/**
 * sharp has no error codes, only libvips' messages. These are about its time limit, memory, and the system's errors on
 * files (`vips_error_system`). All others are about the format. sharp 0.35, libvips 8.18.
 */
const isNoFaultOfPicture =
  /^timeout: |^system error: |^Input file is missing|out of memory|insufficient memory|allocate enough memory/im
const isNoRoom = /^system error: (No space left on device|Disk quota exceeded)/m

/** The error of a picture that could not be decoded or written: it counts as damaged only if no other cause is known. */
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

/** Of a picture of at most so many pixels a side, which is as much as a placeholder shows. */
const thumbPixels = 32

/** A placeholder of about 25 bytes in base64: https://evanw.github.io/thumbhash/. */
export async function readThumbHash(path: string, maxPixels: number): Promise<string> {
  const { data, info } = await openPixels(path, maxPixels)
    .resize({ width: thumbPixels, height: thumbPixels, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((cause) => {
      throw toPixelError(cause)
    })
  return Buffer.from(rgbaToThumbHash(info.width, info.height, data)).toString('base64')
}
