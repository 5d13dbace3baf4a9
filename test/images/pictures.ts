import { crc32 } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'

export type Format = 'png' | 'jpeg' | 'webp'

export const formats: readonly Format[] = ['png', 'jpeg', 'webp']

interface PictureOptions {
  width?: number
  height?: number
  /** Pixels with this alpha; opaque three-channel pictures without. */
  alpha?: number
  dress?: (pixels: Sharp) => Sharp
}

/** A picture whose four corners differ, so that a turn or a mirror shows. */
export function drawPicture({
  width = 48,
  height = 32,
  alpha,
  dress = (pixels) => pixels,
}: PictureOptions = {}) {
  const channels = alpha === undefined ? 3 : 4
  const data = Buffer.alloc(width * height * channels)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * channels
      data[at] = x < width / 2 ? 20 : 230
      data[at + 1] = y < height / 2 ? 20 : 230
      data[at + 2] = 90
      if (alpha !== undefined) data[at + 3] = alpha
    }
  }
  return dress(sharp(data, { raw: { width, height, channels } }))
}

export function makePicture(format: Format, options?: PictureOptions): Promise<Buffer> {
  return drawPicture(options).toFormat(format).toBuffer()
}

export const everyMetadata = (pixels: Sharp): Sharp =>
  pixels
    .withExif({
      IFD0: { Copyright: 'canary-copyright' },
      IFD3: {
        GPSLatitudeRef: 'N',
        GPSLatitude: '51/1 30/1 3230/100',
        GPSLongitudeRef: 'W',
        GPSMapDatum: 'canary-gps',
      },
    })
    .withXmp('<?xpacket?><x:xmpmeta xmlns:x="adobe:ns:meta/">canary-xmp</x:xmpmeta>')
    .withIccProfile('p3', { attach: true })

/** Pixels that hardly compress, for files nearly as large as their pictures. */
export function drawNoise(side: number): Sharp {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  return sharp({ create: { width: side, height: side, channels: 3, background: '#000', noise } })
}

export function pngChunk(type: string, data: Buffer | string): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), Buffer.from(data)])
  const chunk = Buffer.alloc(body.length + 8)
  chunk.writeUInt32BE(body.length - 4, 0)
  body.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(body), chunk.length - 4)
  return chunk
}

/** Puts chunks right after IHDR. */
export function withPngChunks(png: Buffer, ...chunks: Buffer[]): Buffer {
  return Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)])
}

export function jpegSegment(marker: number, data: Buffer | string): Buffer {
  const bytes = Buffer.from(data)
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(bytes.length + 2, 2)
  return Buffer.concat([head, bytes])
}

/** Puts segments right after SOI. */
export function withJpegSegments(jpeg: Buffer, ...segments: Buffer[]): Buffer {
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)])
}

export function riffChunk(type: string, data: Buffer | string): Buffer {
  const bytes = Buffer.from(data)
  const chunk = Buffer.alloc(8 + bytes.length + (bytes.length % 2))
  chunk.write(type, 'latin1')
  chunk.writeUInt32LE(bytes.length, 4)
  bytes.copy(chunk, 8)
  return chunk
}

export function webpOf(...chunks: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from('WEBP'), ...chunks])
  const head = Buffer.from('RIFF\0\0\0\0')
  head.writeUInt32LE(body.length, 4)
  return Buffer.concat([head, body])
}

/** An EXIF block that says nothing but an orientation. */
export function exifOrientation(orientation: number): Buffer {
  const tiff = Buffer.from('49492a0008000000010012010300010000000000000000000000', 'hex')
  tiff.writeUInt16LE(orientation, 18)
  return tiff
}

/** The header of a PNG that claims a size, with nothing behind it. */
export function pngClaiming(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 6, 0, 0, 0], 8)
  const signature = Buffer.from('89504e470d0a1a0a', 'hex')
  return Buffer.concat([signature, pngChunk('IHDR', header), pngChunk('IDAT', ''), pngChunk('IEND', '')])
}

/** A profile for grey with a gamma of its own (ICC.1:2001-04, 6.3.2), so that its tones are not those of sRGB. */
export function greyProfile(gamma: number): Buffer {
  const white = Buffer.from('58595a20000000000000f6d6000100000000d32d', 'hex')
  const curve = Buffer.from('637572760000000000000001000000000000'.slice(0, 32), 'hex')
  curve.writeUInt16BE(Math.round(gamma * 256), 12)
  const description = Buffer.alloc(104)
  description.write('desc\0\0\0\0\0\0\0\x05grey')
  const tags = { desc: description, wtpt: white, kTRC: curve, cprt: Buffer.from('text\0\0\0\0cc0\0') }
  const names = Object.entries(tags)
  let offset = 132 + 12 * names.length
  const table = names.map(([name, data]) => {
    const entry = Buffer.alloc(12)
    entry.write(name)
    entry.writeUInt32BE(offset, 4)
    entry.writeUInt32BE(data.length, 8)
    offset += data.length
    return entry
  })
  const header = Buffer.alloc(132)
  header.writeUInt32BE(offset, 0)
  header.writeUInt32BE(0x02100000, 8)
  header.write('mntrGRAYXYZ ', 12)
  header.write('acsp', 36)
  white.copy(header, 68, 8)
  header.writeUInt32BE(names.length, 128)
  return Buffer.concat([header, ...table, ...Object.values(tags)])
}
