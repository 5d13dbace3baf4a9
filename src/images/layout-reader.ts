import type { ByteReader } from './byte-reader.ts'
import type { ImageLayout, LayoutOptions } from './image-layout.ts'
import { readJpegLayout } from './jpeg-layout.ts'
import { pngSignature, readPngLayout } from './png-layout.ts'
import { refusal } from './refusal.ts'
import { readWebpLayout } from './webp-layout.ts'

/** Formats that people upload by mistake, so that the error can name them: the offset and the bytes of their mark. */
const foreignTypes: readonly (readonly [name: string, at: number, mark: string])[] = [
  ['GIF', 0, 'GIF8'],
  ['BMP', 0, 'BM'],
  ['TIFF', 0, 'II*\0'],
  ['TIFF', 0, 'MM\0*'],
  ['AVIF', 4, 'ftypavi'],
  ['HEIC', 4, 'ftyphe'],
  ['HEIC', 4, 'ftypmif1'],
  ['JPEG XL', 0, '\xff\x0a'],
  ['JPEG XL', 4, 'JXL '],
  ['JPEG 2000', 4, 'jP  '],
  ['Photoshop document', 0, '8BPS'],
  ['PDF', 0, '%PDF-'],
  ['ZIP archive', 0, 'PK\x03\x04'],
  ['SVG', 0, '<?xml'],
  ['SVG', 0, '<svg'],
  ['HTML', 0, '<!DOCTYPE html'],
  ['HTML', 0, '<html'],
]

/** Reads the structure of a file whose type its first bytes decide, never its name or its Content-Type. */
export async function readLayout(reader: ByteReader, options: LayoutOptions): Promise<ImageLayout> {
  if (reader.size === 0) throw refusal('IMAGE_EMPTY')
  const head = (await reader.read(0, Math.min(reader.size, 64))).toString('latin1')
  if (head.startsWith(pngSignature.toString('latin1'))) return readPngLayout(reader, options)
  if (head.startsWith('\xff\xd8\xff')) return readJpegLayout(reader, options)
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return readWebpLayout(reader, options)
  throw unsupportedType(head)
}

function unsupportedType(head: string) {
  const allowed = ['image/png', 'image/jpeg', 'image/webp']
  // A transfer in text mode changes the line ends that PNG's signature contains for this purpose.
  if (head.slice(1, 4) === 'PNG' || head.startsWith('\x89')) {
    return refusal('IMAGE_CORRUPT', { because: 'the signature of the PNG is changed' })
  }
  const text = head.replace(/^\s+/, '')
  const actual = foreignTypes.find(([, at, mark]) => (at === 0 ? text : head).startsWith(mark, at))?.[0]
  return refusal('IMAGE_TYPE_UNSUPPORTED', { allowed, actual: actual ?? 'unknown', because: actual })
}
