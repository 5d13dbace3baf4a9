import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Image } from '../../src/database/generated/client.ts'
import type { ImageVariant } from '../../src/images/images.ts'
import { parseObjectName } from '../../src/images/object-name.ts'
import { createGallery, type Gallery } from './gallery.ts'
import { drawNoise, drawPicture, jpegSegment, makePicture, pngChunk, withJpegSegments } from './pictures.ts'
import { refusalOf } from './studio.ts'

let gallery: Gallery
beforeAll(async () => {
  gallery = await createGallery({ maxPixels: 10_000 })
})
afterAll(() => gallery.close())

const keep = (bytes: Buffer) => gallery.keep(bytes, { isResult: true })
const ask = (image: Image, variant: ImageVariant = {}) =>
  gallery.images.serve(new Request(gallery.images.url(image, { variant })))
const bodyOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

/** Two frames below each other, as encoders of animations take them: a red one and a blue one. */
function drawFrames() {
  const raw = { width: 128, height: 128, channels: 3, pageHeight: 64 } as const
  const data = Buffer.alloc(128 * 128 * 3)
  for (let at = 0; at < data.length; at += 3) data[at + (at < data.length / 2 ? 0 : 2)] = 200
  return sharp(data, { raw })
}

async function animatedPng(): Promise<Buffer> {
  const png = await makePicture('png', { width: 128, height: 64 })
  const frames = pngChunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]))
  return Buffer.concat([png.subarray(0, 33), frames, png.subarray(33)])
}

const box = (name: string, brand: string) =>
  Buffer.from(`\0\0\0\x18${name}${brand}${'\0'.repeat(30)}`, 'latin1')

/** What providers send and uploads may not be. */
const foreign: [type: string, make: () => Buffer | Promise<Buffer>][] = [
  ['image/avif', () => drawPicture({ width: 128, height: 64 }).avif({ effort: 0 }).toBuffer()],
  ['image/gif', () => drawFrames().gif().toBuffer()],
  ['image/webp', () => drawFrames().webp().toBuffer()],
  ['image/apng', animatedPng],
]

describe('a result that uploads may not be', () => {
  it.each(foreign)('is kept as it came and resized by its first frame: %s', async (type, make) => {
    const bytes = await make()
    const image = await keep(bytes)
    expect(image).toMatchObject({ mimeType: type, width: 128, height: 64, byteSize: bytes.length })
    expect(parseObjectName(image.storageKey)).toMatchObject({ kind: 'image' })
    const whole = await ask(image)
    expect(whole.headers.get('content-type')).toBe(type)
    expect(whole.headers.get('content-disposition')).toMatch(/^inline/)
    expect(await bodyOf(whole)).toEqual(bytes)
    const copy = await ask(image, { width: 64 })
    expect(copy.status).toBe(200)
    const { width, height, pages = 1 } = await sharp(await bodyOf(copy)).metadata()
    expect({ width, height, pages }).toEqual({ width: 64, height: 32, pages: 1 })
    expect(await gallery.images.thumbHashes([image])).toEqual([expect.any(String)])
  })

  it.each(foreign)('is refused as an upload: %s', async (_, make) => {
    expect(await refusalOf(gallery.stage(await make()))).toMatchObject({
      reason: expect.stringMatching(/^IMAGE_(TYPE_UNSUPPORTED|ANIMATED)$/),
    })
  })

  it.each([
    '<svg xmlns="http://www.w3.org/2000/svg" width="40px" height=\'20\'><script>alert(1)</script></svg>',
    '\ufeff<?xml version="1.0"?>\n<!-- a > b --><!DOCTYPE svg>\n<svg viewBox="0 0 40 20" width="100%"/>',
  ])('is served as a download alone where it is an SVG, in any size: %s', async (text) => {
    const image = await keep(Buffer.from(text))
    expect(image).toMatchObject({ mimeType: 'image/svg+xml', width: 40, height: 20 })
    for (const variant of [{}, { width: 16 }, { format: 'png' }] as const) {
      const response = await ask(image, variant)
      expect(response.headers.get('content-type')).toBe('image/svg+xml')
      expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${image.id}.svg"`)
      expect(response.headers.get('content-security-policy')).toContain('sandbox')
      expect((await bodyOf(response)).toString()).toBe(text)
    }
    expect(await gallery.images.thumbHashes([image])).toEqual([null])
  })

  it.each([
    ['image/heic', () => box('ftyp', 'heic')],
    ['image/jxl', () => box('JXL ', '\r\n')],
    ['image/jp2', () => box('jP  ', '\r\n')],
    ['image/tiff', () => drawPicture().tiff().toBuffer()],
    ['image/bmp', () => Buffer.concat([Buffer.from(`BM${'\0'.repeat(12)}\x28\0\0\0`), Buffer.alloc(60)])],
  ])('is a download of an unknown size where browsers show no %s', async (type, make) => {
    const bytes = await make()
    const image = await keep(bytes)
    expect(image).toMatchObject({ mimeType: type, width: 0, height: 0 })
    const response = await ask(image, { width: 16 })
    expect(response.headers.get('content-disposition')).toMatch(/^attachment/)
    expect(await bodyOf(response)).toEqual(bytes)
  })
})

/** The chunk that Xcode puts first, and pixels that no other decoder reads. */
async function xcodePng(): Promise<Buffer> {
  const png = await makePicture('png', { width: 128, height: 64, alpha: 9 })
  return Buffer.concat([png.subarray(0, 8), pngChunk('CgBI', 'abcd'), png.subarray(8)])
}

describe('a PNG of Xcode', () => {
  it('is kept as it came, and served whole as a download', async () => {
    const bytes = await xcodePng()
    const image = await keep(bytes)
    expect(image).toMatchObject({ mimeType: 'image/x-png', width: 128, height: 64, hasAlpha: true })
    const response = await ask(image, { width: 16 })
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${image.id}.png"`)
    expect(await bodyOf(response)).toEqual(bytes)
    expect(await gallery.images.thumbHashes([image])).toEqual([null])
  })

  it.each([30, 40])('is refused where it ends after %i bytes', async (length) => {
    const bytes = (await xcodePng()).subarray(0, length)
    expect(await refusalOf(keep(bytes))).toMatchObject({
      code: 'BAD_USER_INPUT',
    })
  })
})

describe('a result with faults', () => {
  it('is kept with more pixels than uploads may have, and served without copies', async () => {
    const bytes = await makePicture('png', { width: 200, height: 100 })
    expect(await refusalOf(gallery.stage(bytes))).toMatchObject({ reason: 'IMAGE_TOO_LARGE_PIXELS' })
    const image = await keep(bytes)
    expect(image).toMatchObject({ mimeType: 'image/png', width: 200, height: 100 })
    expect(await bodyOf(await ask(image, { width: 16 }))).toEqual(bytes)
  })

  it.each([
    ['jpeg', async () => (await drawNoise(64).jpeg().toBuffer()).subarray(0, -500)],
    ['png', async () => (await drawNoise(64).png().toBuffer()).subarray(0, -500)],
  ])('is kept where decoders still show some of it: %s', async (format, make) => {
    const bytes = await make()
    const image = await keep(bytes)
    expect(image).toMatchObject({ mimeType: `image/${format}`, width: 64, height: 64 })
    expect(await bodyOf(await ask(image))).toEqual(bytes)
    expect((await ask(image, { width: 16 })).status).toBe(200)
  })

  it.each([-12, -1, 1, 8, 100_000])(
    'is a WebP whose length is mended where it is wrong by %i',
    async (error) => {
      const webp = await makePicture('webp')
      const wrong = Buffer.from(webp)
      wrong.writeUInt32LE(webp.length - 8 + error, 4)
      const image = await keep(wrong)
      expect(image).toMatchObject({ mimeType: 'image/webp', byteSize: webp.length })
      expect(await bodyOf(await ask(image))).toEqual(webp)
      expect((await ask(image, { width: 16 })).status).toBe(200)
    },
  )

  it('is cleaned like an upload where that is possible', async () => {
    const jpeg = await makePicture('jpeg')
    const image = await keep(withJpegSegments(jpeg.subarray(0, -2), jpegSegment(0xfe, 'canary')))
    expect(await bodyOf(await ask(image))).toEqual(jpeg)
  })

  it.each([
    '',
    '<html><svg width="1"></svg></html>',
    '{"error":"BM"}',
    'BMW is a car, and this is only a text about it',
    '%PDF-1.7 and so on, for more than twenty bytes',
    '\x89PNG\r\n\x1a\n and then nothing that is a picture',
    'GIF89a is what this text begins with, no more',
  ])('is refused where it is no image for anybody: %s', async (text) => {
    const staged = gallery.images.stage(
      (async function* () {
        yield Buffer.from(text, 'latin1')
      })(),
      { maxBytes: 1_000, isResult: true },
    )
    expect(await refusalOf(staged)).toMatchObject({ code: 'BAD_USER_INPUT' })
    expect(gallery.files('staging')).toEqual([])
  })
})
