import sharp, { type Sharp } from 'sharp'
import type { Size } from './size.ts'

/** Decoded pixels, four bytes (red, green, blue, alpha) each. */
export interface Picture extends Size {
  pixels: Buffer
}

export interface Encoding {
  format: 'png' | 'jpeg' | 'webp'
  /** 0..100, for jpeg and webp. */
  compression: number
  transparent: boolean
}

export function openPicture({ width, height, pixels }: Picture): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 4 } })
}

export async function toPicture(image: Sharp): Promise<Picture> {
  const { data, info } = await image
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, pixels: data }
}

export function wrapSvg({ width, height }: Size, content: string): Buffer {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`
  return Buffer.from(`${head}${content}</svg>`)
}

export async function encodePicture(picture: Picture, encoding: Encoding): Promise<Buffer> {
  const image = openPicture(picture)
  const flat = encoding.transparent ? image : image.flatten({ background: '#fff' })
  const quality = Math.max(1, encoding.compression)
  if (encoding.format === 'jpeg') return flat.jpeg({ quality }).toBuffer()
  // Effort is traded for time: a frame must not keep a caller waiting for its compression.
  if (encoding.format === 'webp') return flat.webp({ quality, effort: 1 }).toBuffer()
  return flat.png({ compressionLevel: 4 }).toBuffer()
}

/** What a partial image shows: coarse at first, finer with each step. */
export async function softenPicture(picture: Picture, step: number): Promise<Picture> {
  const coarseness = 48 / 2.5 ** step
  const size = {
    width: Math.max(2, Math.round(picture.width / coarseness)),
    height: Math.max(2, Math.round(picture.height / coarseness)),
  }
  const small = await toPicture(openPicture(picture).resize({ ...size, fit: 'fill' }))
  const { width, height } = picture
  return toPicture(openPicture(small).resize({ width, height, fit: 'fill', kernel: 'cubic' }))
}
