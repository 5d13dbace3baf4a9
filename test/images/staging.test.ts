import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, describe, expect, it } from 'vitest'
import type { EntryOptions, Gate } from '../../src/images/gate.ts'
import { stageImage } from '../../src/images/staging.ts'
import { formats, makePicture, pngChunk, pngClaiming, riffChunk, webpOf, withPngChunks } from './pictures.ts'
import { createStudio, refusalOf, testLimits } from './studio.ts'

const studio = createStudio()
afterAll(studio.remove)

describe('what is accepted', () => {
  it.each(formats)('takes a clean %s as it is', async (format) => {
    const bytes = await makePicture(format, { width: 60, height: 30 })
    const image = await studio.stage(bytes)
    expect(await studio.bytesOf(image)).toEqual(bytes)
    expect(image).toMatchObject({
      mimeType: `image/${format}`,
      width: 60,
      height: 30,
      hasAlpha: false,
      byteSize: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
  })

  it('is turned upright in its user’s turn at the decoders', async () => {
    const turned = await makePicture('jpeg', { dress: (pixels) => pixels.withMetadata({ orientation: 6 }) })
    const asked: (EntryOptions | undefined)[] = []
    const gate: Gate = {
      ...studio.gate,
      run: (task, options) => {
        asked.push(options)
        return studio.gate.run(task, options)
      },
    }
    const staging = { folder: studio.folder, limits: testLimits, gate, newId: randomUUID }
    const options = { maxBytes: 10_000_000, userId: 'ann' }
    const image = await stageImage(staging, Readable.from([turned]), options)
    await image.discard()
    expect(asked).toEqual([expect.objectContaining({ userId: 'ann' })])
  })

  it.each(['png', 'webp'] as const)('sees the alpha channel of a %s', async (format) => {
    expect(await studio.stage(await makePicture(format, { alpha: 100 }))).toMatchObject({ hasAlpha: true })
  })

  it('sees the transparency of a palette', async () => {
    const bytes = await makePicture('png', { alpha: 0, dress: (pixels) => pixels.png({ palette: true }) })
    expect(bytes.includes('tRNS')).toBe(true)
    expect(await studio.stage(bytes)).toMatchObject({ hasAlpha: true })
  })

  it('takes progressive, interlaced, grey, CMYK and lossless pictures', async () => {
    const variations = [
      await makePicture('jpeg', { dress: (pixels) => pixels.jpeg({ progressive: true }) }),
      await makePicture('png', { dress: (pixels) => pixels.png({ progressive: true }) }),
      await makePicture('jpeg', { dress: (pixels) => pixels.toColourspace('b-w') }),
      await makePicture('jpeg', { dress: (pixels) => pixels.toColourspace('cmyk') }),
      await makePicture('png', { dress: (pixels) => pixels.toColourspace('rgb16') }),
      await makePicture('webp', { alpha: 9, dress: (pixels) => pixels.webp({ lossless: true }) }),
      await makePicture('png', { width: 1, height: 900 }),
    ]
    for (const bytes of variations) expect((await studio.stage(bytes)).sha256).toHaveLength(64)
  })

  it('takes the pictures of a phone with a 50-megapixel camera', async () => {
    expect(await studio.stage(pngClaiming(8160, 6144))).toMatchObject({ width: 8160, height: 6144 })
  })

  it('keeps the file to its owner and under a name of its own', async () => {
    const image = await studio.stage(await makePicture('png'))
    expect((await stat(image.path)).mode & 0o777).toBe(0o600)
    expect(basename(image.path)).toMatch(/^[0-9a-f-]{36}\.part$/)
  })
})

describe('what is refused', () => {
  it('refuses an empty file', async () => {
    expect(await refusalOf(studio.stage(Buffer.alloc(0)))).toMatchObject({
      code: 'BAD_USER_INPUT',
      reason: 'IMAGE_EMPTY',
    })
  })

  it.each([
    ['GIF', 'GIF89a'],
    ['TIFF', 'II*\0\x08\0\0\0'],
    ['HEIC', '\0\0\0\x18ftypheic'],
    ['AVIF', '\0\0\0\x18ftypavif'],
    ['SVG', '  <svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['PDF', '%PDF-1.7'],
    ['unknown', 'hello'],
    ['unknown', 'x'],
  ])('names the type of a file that is no image of ours: %s', async (actual, text) => {
    expect(await refusalOf(studio.stage(Buffer.from(text, 'latin1')))).toMatchObject({
      reason: 'IMAGE_TYPE_UNSUPPORTED',
      hint: 'CONVERT_TO_PNG',
      allowed: ['image/png', 'image/jpeg', 'image/webp'],
      actual,
    })
  })

  it.each(formats)('refuses a %s that ends early, wherever it is cut', async (format) => {
    const bytes = await makePicture(format)
    for (let length = 13; length < bytes.length; length += 7) {
      const { reason } = await refusalOf(studio.stage(bytes.subarray(0, length)))
      expect(reason).toMatch(/^IMAGE_(TRUNCATED|CORRUPT)$/)
    }
  })

  it('refuses a PNG with one changed byte in any chunk that stays', async () => {
    const bytes = await makePicture('png', { width: 8, height: 8 })
    for (let at = 8; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0x10
      const outcome = await refusalOf(studio.stage(changed)).catch(() => undefined)
      // A name that became one of an unknown ancillary chunk only loses that chunk.
      if (outcome) expect(outcome.code).toBe('BAD_USER_INPUT')
      else expect(bytes.subarray(at - 4, at + 4).includes('IDAT')).toBe(false)
    }
  })

  it.each([
    [20_000, 10],
    [65_535, 65_535],
    [16_000, 16_000],
    [2 ** 31 - 1, 2 ** 31 - 1],
  ])('refuses %i × %i pixels from the header alone', async (width, height) => {
    expect(await refusalOf(studio.stage(pngClaiming(width, height)))).toMatchObject({
      reason: 'IMAGE_TOO_LARGE_PIXELS',
      allowed: { maxPixels: 64_000_000, maxEdge: 16_384 },
      actual: { width, height },
      hint: 'RESIZE',
    })
  })

  it('refuses an animated WebP', async () => {
    const canvas = Buffer.from([2, 0, 0, 0, 9, 0, 0, 9, 0, 0])
    const bytes = webpOf(riffChunk('VP8X', canvas), riffChunk('ANIM', Buffer.alloc(6)))
    expect(await refusalOf(studio.stage(bytes))).toMatchObject({
      reason: 'IMAGE_ANIMATED',
      hint: 'CONVERT_TO_PNG',
    })
  })

  it('refuses an animated PNG by its name', async () => {
    const frames = pngChunk('acTL', Buffer.from([0, 0, 0, 3, 0, 0, 0, 0]))
    const bytes = withPngChunks(await makePicture('png'), frames)
    expect(await refusalOf(studio.stage(bytes))).toMatchObject({
      reason: 'IMAGE_ANIMATED',
      message: expect.stringContaining('APNG of 3 frames'),
      hint: 'CONVERT_TO_PNG',
    })
  })

  it('refuses a PNG that was optimised for iOS and says to convert it', async () => {
    const png = await makePicture('png')
    const bytes = Buffer.concat([png.subarray(0, 8), pngChunk('CgBI', 'abcd'), png.subarray(8)])
    expect(await refusalOf(studio.stage(bytes))).toMatchObject({
      reason: 'IMAGE_ENCODING_UNSUPPORTED',
      message: expect.stringMatching(/CgBI.*iOS: convert it/),
      hint: 'CONVERT_TO_PNG',
    })
  })

  it.each([-12, -1, 1, 8, 100_000])('tells a WebP whose length is wrong by %i', async (error) => {
    const wrong = await makePicture('webp')
    wrong.writeUInt32LE(wrong.length - 8 + error, 4)
    expect(await refusalOf(studio.stage(wrong))).toMatchObject({
      reason: 'IMAGE_CORRUPT',
      message: expect.stringContaining('the length written in the file is wrong'),
    })
  })

  it('tells a WebP with a wrong length from one that is cut', async () => {
    const webp = await makePicture('webp')
    const wrong = Buffer.from(webp)
    wrong.writeUInt32LE(webp.length, 4)
    expect(await refusalOf(studio.stage(wrong))).toMatchObject({
      reason: 'IMAGE_CORRUPT',
      message: expect.stringContaining(
        `the length written in the file is wrong, ${webp.length} in place of ${webp.length - 8}: save it again`,
      ),
    })
    expect(await refusalOf(studio.stage(webp.subarray(0, -40)))).toMatchObject({
      reason: 'IMAGE_TRUNCATED',
      message: expect.stringContaining(`${webp.length - 40} of ${webp.length} bytes came`),
    })
  })

  it('refuses a PNG of a hundred thousand tiny chunks', async () => {
    const chunks = Array.from({ length: 100_000 }, () => pngChunk('teSt', ''))
    const bytes = withPngChunks(await makePicture('png'), ...chunks)
    expect(await refusalOf(studio.stage(bytes))).toMatchObject({ reason: 'IMAGE_CORRUPT' })
  })

  it('names no field, so that the caller can', async () => {
    expect(await refusalOf(studio.stage(Buffer.from('x')))).not.toHaveProperty('field')
  })
})

describe('the size in bytes', () => {
  it('takes exactly the limit and refuses one byte more', async () => {
    const bytes = await makePicture('png')
    await studio.stage(bytes, { maxBytes: bytes.length })
    expect(await refusalOf(studio.stage(bytes, { maxBytes: bytes.length - 1 }))).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      allowed: { maxBytes: bytes.length - 1 },
    })
  })

  it('stops reading at once', async () => {
    let read = 0
    const endless = Readable.from(
      (function* () {
        for (;;) {
          read += 1_000
          yield Buffer.alloc(1_000)
        }
      })(),
      { highWaterMark: 1 },
    )
    expect(await refusalOf(studio.stageSource(endless, { maxBytes: 50_000 }))).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    })
    expect(read).toBeLessThan(60_000)
    expect(endless.destroyed).toBe(true)
  })

  it('hears of the limit of a parser that never ends its stream', async () => {
    const upload = new PassThrough()
    const staged = refusalOf(studio.stageSource(upload))
    upload.write(Buffer.alloc(1_000))
    upload.emit('limit')
    expect(await staged).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
  })

  it('does not take a stream for whole that its parser cut', async () => {
    const upload = Object.assign(Readable.from([await makePicture('png')]), { truncated: true })
    expect(await refusalOf(studio.stageSource(upload))).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
  })
})

describe('a parser that cuts', () => {
  it('is believed also when it says so with the last byte', async () => {
    const bytes = await makePicture('png')
    const parser = { truncated: false }
    const source = Readable.from(
      (function* () {
        yield bytes
        parser.truncated = true
      })(),
    )
    const upload = Object.defineProperty(source, 'truncated', { get: () => parser.truncated })
    expect(await refusalOf(studio.stageSource(upload))).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
  })
})

describe('what goes wrong on the way', () => {
  it('stops when it is told to, also while it waits for bytes', async () => {
    const abort = new AbortController()
    const upload = new PassThrough()
    const closed = once(upload, 'close')
    const staged = studio.stageSource(upload, { signal: abort.signal })
    upload.write(Buffer.alloc(1_000))
    abort.abort(new Error('the client left'))
    await expect(staged).rejects.toThrow('the client left')
    await closed
  })

  it('passes on the error of the stream', async () => {
    const upload = new PassThrough()
    const staged = studio.stageSource(upload)
    upload.destroy(new Error('connection lost'))
    await expect(staged).rejects.toThrow('connection lost')
  })

  it('takes a plain async iterable as well', async () => {
    const bytes = await makePicture('jpeg')
    const image = await studio.stageSource(
      (async function* () {
        yield bytes.subarray(0, 100)
        yield bytes.subarray(100)
      })(),
    )
    expect(image.byteSize).toBe(bytes.length)
  })
})
