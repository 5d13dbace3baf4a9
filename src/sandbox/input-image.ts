import sharp, { type Sharp } from 'sharp'
import { maxMaskBytes, type SandboxModel } from './models.ts'
import type { FilePart } from './multipart.ts'
import { type Picture, toPicture } from './picture.ts'
import type { Size } from './size.ts'
import { WireError } from './wire-error.ts'

export interface InputImage extends Size {
  path: string
  sha256: string
  format: string
  hasAlpha: boolean
}

/** 64 megapixels: more than any model makes, little enough to decode in half a gigabyte. */
const limitInputPixels = 64 * 1024 * 1024
const acceptedFormats = ['png', 'jpeg', 'webp']

/** EXIF orientation is left alone, as the upstream is not known to apply it. */
function open(path: string): Sharp {
  return sharp(path, { limitInputPixels, failOn: 'error' }).toColourspace('srgb')
}

/** Checks what the model says about one part named `image` and reads its header. */
export async function inspectImage(part: FilePart, model: SandboxModel): Promise<InputImage> {
  refuseMimeType(part, model.imageMimeTypes)
  const image = await readHeader(part)
  if (part.bytes >= model.maxImageBytes) {
    throw refuseImage(`Uploaded image must be less than ${model.maxImageBytes / 1024 / 1024} MB.`)
  }
  if (model.squarePngOnly && image.format !== 'png') throw refuseImage('Uploaded image must be a PNG.')
  if (model.squarePngOnly && image.width !== image.height) throw refuseImage('Uploaded image must be square.')
  return image
}

function refuseMimeType(part: FilePart, allowed: readonly string[]): void {
  if (allowed.includes(part.mimeType)) return
  const list = allowed.map((each) => `'${each}'`).join(', ')
  const message = `Invalid file 'image': unsupported mimetype ('${part.mimeType}'). Supported file formats are ${list}.`
  throw new WireError('unsupported_file_mimetype', message, { param: 'image' })
}

async function readHeader(part: FilePart): Promise<InputImage> {
  const header = await open(part.path)
    .metadata()
    .catch((cause: Error) => cause)
  if (header instanceof Error || !acceptedFormats.includes(header.format)) {
    throw refuseImage('Invalid image file or mode, please check your image file.')
  }
  const { path, sha256 } = part
  const { width, height, format, hasAlpha } = header
  if (width * height > limitInputPixels) throw refuseImage('Invalid image file: too many pixels.')
  return { path, sha256, width, height, format, hasAlpha }
}

function refuseImage(message: string): WireError {
  return new WireError('invalid_image_file', message, { param: 'image' })
}

/** A mask is a PNG with alpha in the dimensions of the first image. Its declared type is not looked at. */
export async function inspectMask(part: FilePart, first: Size): Promise<InputImage> {
  if (part.bytes >= maxMaskBytes) throw refuseMask('mask must be less than 4 MB')
  const mask = await readHeader(part).catch(() => undefined)
  if (mask?.format !== 'png') throw refuseMask('mask must be a valid PNG file')
  if (!mask.hasAlpha) throw refuseMask('mask image missing alpha channel')
  if (mask.width !== first.width || mask.height !== first.height) {
    throw refuseMask('mask size does not match image size')
  }
  return mask
}

export function refuseMask(fault: string): WireError {
  return new WireError('invalid_mask_image_format', `Invalid mask image format - ${fault}`, { param: 'mask' })
}

/** The image scaled to cover the size. An image already of that size keeps its pixels exactly. */
export async function loadCover(image: InputImage, size: Size): Promise<Picture> {
  const { width, height } = size
  return decode(() => toPicture(open(image.path).resize({ width, height, fit: 'cover' })))
}

/** One byte a pixel, scaled as `loadCover` scales, without mixing neighbours: 0 is where to edit. */
export async function loadAlpha(image: InputImage, size: Size): Promise<Buffer> {
  const { width, height } = size
  const scaled = open(image.path).ensureAlpha().extractChannel('alpha')
  return decode(() =>
    scaled.resize({ width, height, fit: 'cover', kernel: 'nearest' }).raw({ depth: 'uchar' }).toBuffer(),
  )
}

/** Damage behind a sound header shows only here. */
async function decode<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch {
    throw refuseImage('Invalid image file or mode, please check your image file.')
  }
}
