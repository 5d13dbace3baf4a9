import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import {
  drawPicture,
  everyMetadata,
  exifOrientation,
  formats,
  greyProfile,
  jpegSegment,
  makePicture,
  pngChunk,
  riffChunk,
  webpOf,
  withJpegSegments,
  withPngChunks,
} from './pictures.ts'
import { createStudio } from './studio.ts'

const studio = createStudio()
afterAll(studio.remove)

const rawPixels = (bytes: Buffer) => sharp(bytes).raw().toBuffer()

describe('removing metadata', () => {
  it.each(formats)(
    'takes position, owner and XMP out of a %s and leaves colours and pixels',
    async (format) => {
      const bytes = await makePicture(format, { dress: everyMetadata })
      expect(bytes.includes('canary-gps')).toBe(true)
      expect(await sharp(bytes).metadata()).toHaveProperty('xmp')
      const image = await studio.stage(bytes)
      const clean = await studio.bytesOf(image)
      expect(clean.includes('canary')).toBe(false)
      const [before, after] = [await sharp(bytes).metadata(), await sharp(clean).metadata()]
      expect(after).not.toHaveProperty('exif')
      expect(after).not.toHaveProperty('xmp')
      expect(after.icc).toEqual(before.icc)
      expect(after.icc?.length).toBeGreaterThan(0)
      expect(await rawPixels(clean)).toEqual(await rawPixels(bytes))
      expect(image.byteSize).toBe(clean.length)
    },
  )

  it('says in a WebP that no metadata is left', async () => {
    const bytes = await makePicture('webp', { dress: everyMetadata })
    const flagsOf = (webp: Buffer) => webp.readUInt8(webp.indexOf('VP8X') + 8) & 0x0c
    expect(flagsOf(bytes)).toBe(0x0c)
    expect(flagsOf(await studio.bytesOf(await studio.stage(bytes)))).toBe(0)
  })

  it.each(formats)('cuts off what follows the end of a %s', async (format) => {
    const bytes = await makePicture(format)
    const image = await studio.stage(Buffer.concat([bytes, Buffer.from('PK\x03\x04<script>')]))
    expect(await studio.bytesOf(image)).toEqual(bytes)
  })

  it.each(formats)('gives the same bytes when it is done again to a %s', async (format) => {
    const first = await studio.stage(await makePicture(format, { dress: everyMetadata }))
    const second = await studio.stage(await studio.bytesOf(first))
    expect(second.sha256).toBe(first.sha256)
  })

  it('takes text, time, private chunks and animation frames out of a PNG, whatever their checksum', async () => {
    const clean = await makePicture('png')
    const broken = pngChunk('tEXt', 'Author\0canary')
    broken.writeUInt32BE(0, broken.length - 4)
    const bytes = withPngChunks(
      clean,
      broken,
      pngChunk('tIME', '1234567'),
      pngChunk('prVt', 'canary'),
      pngChunk('acTL', Buffer.from([0, 0, 0, 1, 0, 0, 0, 0])),
      pngChunk('fcTL', Buffer.alloc(26)),
      pngChunk('fdAT', 'canary'),
    )
    expect(await studio.bytesOf(await studio.stage(bytes))).toEqual(clean)
  })

  it.each(['tRNS', 'pHYs', 'gAMA', 'iCCP', 'caBX', 'eXIf'])(
    'takes %s out of a PNG where its checksum is wrong, as decoders do',
    async (type) => {
      const clean = await makePicture('png')
      const broken = pngChunk(type, type === 'eXIf' ? exifOrientation(6) : Buffer.alloc(6, 1))
      broken.writeUInt32BE(0, broken.length - 4)
      const image = await studio.stage(withPngChunks(clean, broken))
      expect(image.hasAlpha).toBe(false)
      expect(await studio.bytesOf(image)).toEqual(clean)
    },
  )

  it('takes comments, thumbnails and unknown segments out of a JPEG', async () => {
    const clean = await makePicture('jpeg')
    const bytes = withJpegSegments(
      clean,
      jpegSegment(0xfe, 'canary'),
      jpegSegment(0xed, 'Photoshop 3.0\0canary'),
    )
    const withThumbnail = Buffer.concat([
      bytes.subarray(0, 2),
      jpegSegment(
        0xe0,
        Buffer.concat([Buffer.from('4a46494600010100000100010101', 'hex'), Buffer.from('abc')]),
      ),
      bytes.subarray(2),
    ])
    const stripped = await studio.bytesOf(await studio.stage(withThumbnail))
    expect(stripped.includes('canary') || stripped.includes('abc')).toBe(false)
    expect(await rawPixels(stripped)).toEqual(await rawPixels(clean))
  })

  it('keeps signed provenance unless it is told not to', async () => {
    const png = withPngChunks(await makePicture('png'), pngChunk('caBX', 'manifest'))
    const jpeg = withJpegSegments(await makePicture('jpeg'), jpegSegment(0xeb, 'JP\0\x01manifest'))
    const webp = await makePicture('webp')
    const signedWebp = webpOf(webp.subarray(12), riffChunk('C2PA', 'manifest'))
    for (const bytes of [png, jpeg, signedWebp]) {
      expect(await studio.bytesOf(await studio.stage(bytes))).toEqual(bytes)
      const without = await studio.stage(bytes, { keepProvenance: false })
      expect((await studio.bytesOf(without)).includes('manifest')).toBe(false)
    }
  })
})

describe('turning upright', () => {
  const turned = async (orientation: number) => {
    const block = exifOrientation(orientation)
    const jpeg = await makePicture('jpeg', { width: 64, height: 32 })
    const png = await makePicture('png', { width: 64, height: 32 })
    const webp = await makePicture('webp', {
      width: 64,
      height: 32,
      dress: (pixels) => pixels.webp({ lossless: true }),
    })
    const canvas = Buffer.from([0x08, 0, 0, 0, 63, 0, 0, 31, 0, 0])
    return [
      withJpegSegments(jpeg, jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), block]))),
      withPngChunks(png, pngChunk('eXIf', block)),
      webpOf(riffChunk('VP8X', canvas), webp.subarray(12), riffChunk('EXIF', block)),
    ]
  }

  it.each([2, 3, 4, 5, 6, 7, 8])(
    'turns pictures of orientation %i and says so no longer',
    async (orientation) => {
      const straight = sharp(await drawPicture({ width: 64, height: 32 }).png().toBuffer())
      const bases = {
        2: straight.clone().flop(),
        3: straight.clone().rotate(180),
        4: straight.clone().flip(),
        5: sharp(await straight.clone().rotate(90).toBuffer()).flop(),
        6: straight.clone().rotate(90),
        7: sharp(await straight.clone().rotate(270).toBuffer()).flop(),
        8: straight.clone().rotate(270),
      }
      const expected = await bases[orientation as keyof typeof bases]
        .raw()
        .toBuffer({ resolveWithObject: true })
      for (const bytes of await turned(orientation)) {
        const image = await studio.stage(bytes)
        const clean = await studio.bytesOf(image)
        expect(image).toMatchObject({ width: expected.info.width, height: expected.info.height })
        expect(await sharp(clean).metadata()).not.toHaveProperty('exif')
        const pixels = await rawPixels(clean)
        expect(pixels.length).toBe(expected.data.length)
        const corner = (data: Buffer) => [data[0], data[1]].map((value) => Math.round((value ?? 0) / 105))
        expect(corner(pixels)).toEqual(corner(expected.data))
        expect(corner(pixels.subarray(-3))).toEqual(corner(expected.data.subarray(-3)))
      }
    },
  )

  it('leaves a picture alone whose orientation is upright', async () => {
    const [jpeg] = await turned(1)
    const image = await studio.stage(jpeg ?? Buffer.alloc(0))
    expect(await studio.bytesOf(image)).toEqual(await makePicture('jpeg', { width: 64, height: 32 }))
  })

  it('keeps the colour profile', async () => {
    const bytes = await makePicture('jpeg', {
      dress: (pixels) => pixels.withMetadata({ orientation: 6 }).withIccProfile('p3'),
    })
    const clean = await studio.bytesOf(await studio.stage(bytes))
    expect((await sharp(clean).metadata()).icc).toEqual((await sharp(bytes).metadata()).icc)
  })

  it('leaves grey its tones and its profile', async () => {
    const plain = await drawPicture().toColourspace('b-w').jpeg().toBuffer()
    const profile = Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01'), greyProfile(1.8)])
    const turn = jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), exifOrientation(3)]))
    const bytes = withJpegSegments(plain, turn, jpegSegment(0xe2, profile))
    const clean = await studio.bytesOf(await studio.stage(bytes))
    expect(await sharp(clean).metadata()).toMatchObject({ space: 'b-w', channels: 1, icc: greyProfile(1.8) })
    const [before, after] = [await sharp(bytes).rotate(180).raw().toBuffer(), await rawPixels(clean)]
    expect(Math.abs((after[0] ?? 0) - (before[0] ?? 0))).toBeLessThan(2)
  })

  it.each(['grey16', 'rgb16'] as const)('leaves a PNG the 16 bits of its %s', async (space) => {
    const png = await drawPicture().toColourspace(space).png().toBuffer()
    const bytes = withPngChunks(png, pngChunk('eXIf', exifOrientation(3)))
    const clean = await studio.bytesOf(await studio.stage(bytes))
    expect(await sharp(clean).metadata()).toMatchObject({ space, depth: 'ushort' })
  })
})
