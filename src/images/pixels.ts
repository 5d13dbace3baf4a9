import sharp, { type Sharp } from 'sharp'
import { rgbaToThumbHash } from 'thumbhash'
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
        throw refusal('IMAGE_CORRUPT', { because: 'the pixels cannot be decoded', cause })
      })
  const { data, info } = await gate.run(decode, { slots: slotsFor(layout), signal })
  return Buffer.from(rgbaToThumbHash(info.width, info.height, data)).toString('base64')
}
