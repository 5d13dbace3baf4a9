import { randomFillSync } from 'node:crypto'
import sharp from 'sharp'

/** A PNG of about so many bytes: noise, which is stored as it is, three bytes a pixel. */
export function makePicture(bytes: number): Promise<Buffer> {
  const side = Math.round(Math.sqrt(bytes / 3))
  const pixels = randomFillSync(Buffer.alloc(side * side * 3))
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer()
}
