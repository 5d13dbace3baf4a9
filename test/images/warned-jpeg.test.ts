import sharp, { type Sharp } from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import {
  drawNoise,
  drawPicture,
  exifOrientation,
  jpegSegment,
  makePicture,
  withJpegSegments,
} from './pictures.ts'
import { createStudio, refusalOf } from './studio.ts'

const studio = createStudio()
afterAll(studio.remove)

const startOfScan = Buffer.from([0xff, 0xda])
const exifSegment = (orientation: number) =>
  jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), exifOrientation(orientation)]))

/** A baseline JPEG whose scan claims one coefficient only, as cameras of Samsung write it. */
function withWrongScan(jpeg: Buffer): Buffer {
  const changed = Buffer.from(jpeg)
  const at = changed.lastIndexOf(startOfScan)
  changed[at + 2 + changed.readUInt16BE(at + 2) - 2] = 0
  return changed
}

function withStrayBytes(jpeg: Buffer, stray: Buffer): Buffer {
  const at = jpeg.lastIndexOf(startOfScan)
  return Buffer.concat([jpeg.subarray(0, at), stray, jpeg.subarray(at)])
}

const withoutEnd = (jpeg: Buffer) => jpeg.subarray(0, -2)
const pixelsOf = (bytes: Buffer, failOn: 'none' | 'warning' = 'warning') =>
  sharp(bytes, { failOn }).raw().toBuffer()

const shapes = [
  ['baseline', { dress: (pixels: Sharp) => pixels.jpeg({ quality: 60 }) }],
  ['full colour', { dress: (pixels: Sharp) => pixels.jpeg({ chromaSubsampling: '4:4:4' }) }],
  ['grey', { dress: (pixels: Sharp) => pixels.toColourspace('b-w') }],
  ['progressive', { dress: (pixels: Sharp) => pixels.jpeg({ progressive: true }) }],
] as const

describe('a JPEG that decoders only warn of', () => {
  it.each(shapes)('is accepted without its end, and gets one: %s', async (_, { dress }) => {
    for (const height of [32, 40, 33, 8, 1]) {
      const jpeg = await drawPicture({ height, dress }).jpeg().toBuffer()
      for (const bytes of [withoutEnd(jpeg), jpeg.subarray(0, -1)]) {
        expect(await studio.bytesOf(await studio.stage(bytes))).toEqual(jpeg)
      }
    }
  })

  it('is accepted where zeros stand in the place of its end', async () => {
    const jpeg = await makePicture('jpeg')
    for (const zeros of [2, 700_000]) {
      const padded = Buffer.concat([withoutEnd(jpeg), Buffer.alloc(zeros)])
      const clean = await studio.bytesOf(await studio.stage(padded))
      expect(clean.length).toBeLessThanOrEqual(jpeg.length + 1)
      expect(await pixelsOf(clean)).toEqual(await pixelsOf(jpeg))
    }
  })

  it('gets the right parameters of its scan', async () => {
    const jpeg = await makePicture('jpeg')
    const wrong = withWrongScan(jpeg)
    await expect(pixelsOf(wrong)).rejects.toThrow('SOS')
    expect(await studio.bytesOf(await studio.stage(wrong))).toEqual(jpeg)
  })

  it.each([1, 18, 3_000])('loses %i bytes before a marker that belong to nothing', async (length) => {
    const jpeg = await makePicture('jpeg')
    for (const byte of [0x00, 0x41, 0xd3]) {
      const stray = withStrayBytes(jpeg, Buffer.alloc(length, byte))
      expect(await studio.bytesOf(await studio.stage(stray))).toEqual(jpeg)
    }
  })

  it('loses restart markers and stuffed zeros outside of its scans', async () => {
    const jpeg = await makePicture('jpeg')
    const stray = withStrayBytes(jpeg, Buffer.from('ff00ffd0ff01', 'hex'))
    expect(await studio.bytesOf(await studio.stage(stray))).toEqual(jpeg)
  })

  it('may have all of these faults, and be turned as well', async () => {
    const jpeg = await makePicture('jpeg', { width: 64, height: 32 })
    const turned = withJpegSegments(jpeg, exifSegment(6))
    const worst = withoutEnd(withWrongScan(withStrayBytes(turned, Buffer.alloc(18))))
    const image = await studio.stage(worst)
    expect(image).toMatchObject({ width: 32, height: 64 })
    expect((await pixelsOf(await studio.bytesOf(image))).length).toBe(32 * 64 * 3)
  })

  it('is encoded again where no cut and no repair makes it clean', async () => {
    const jpeg = withWrongScan(await drawNoise(64).jpeg().toBuffer())
    const restless = Buffer.concat([jpeg.subarray(0, -1_500), jpeg.subarray(-1_000)])
    const clean = await studio.bytesOf(await studio.stage(restless))
    expect((await pixelsOf(clean)).length).toBe(64 * 64 * 3)
  })
})

describe('a JPEG that is truly cut', () => {
  it.each(shapes)('is refused even where the last bytes alone are missing: %s', async (_, { dress }) => {
    for (const height of [64, 40, 48, 8, 17]) {
      const noise = await drawNoise(64).extract({ left: 0, top: 0, width: 64, height }).png().toBuffer()
      const jpeg = await dress(sharp(noise).jpeg()).toBuffer()
      for (const missing of [1, 2, 3, 10, 50]) {
        const { reason } = await refusalOf(studio.stage(jpeg.subarray(0, -2 - missing)))
        expect(reason).toMatch(/^IMAGE_(TRUNCATED|CORRUPT)$/)
      }
    }
  })

  it('is refused with an end of zeros', async () => {
    const jpeg = await drawNoise(64).jpeg().toBuffer()
    const cut = Buffer.concat([jpeg.subarray(0, -300), Buffer.alloc(100_000)])
    expect(await refusalOf(studio.stage(cut))).toMatchObject({ reason: 'IMAGE_TRUNCATED' })
  })

  it('is refused where scans are missing', async () => {
    const jpeg = await drawNoise(64).jpeg({ progressive: true }).toBuffer()
    const scans = [...jpeg.toString('latin1').matchAll(/\xff\xda/g)].map(({ index }) => index)
    for (const at of scans.slice(1)) {
      expect(await refusalOf(studio.stage(jpeg.subarray(0, at)))).toMatchObject({ reason: 'IMAGE_TRUNCATED' })
    }
  })
})
