import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { EaselError } from '../../src/errors.ts'
import { type ByteReader, readFileBytes, windowBytes } from '../../src/images/byte-reader.ts'
import { readOrientation } from '../../src/images/exif-orientation.ts'
import type { ImageLayout } from '../../src/images/image-layout.ts'
import { readLayout } from '../../src/images/layout-reader.ts'
import { refusal } from '../../src/images/refusal.ts'
import {
  drawNoise,
  everyMetadata,
  exifOrientation,
  formats,
  jpegSegment,
  makePicture,
  pngChunk,
  withJpegSegments,
  withPngChunks,
} from './pictures.ts'
import { testLimits } from './studio.ts'

function readerOf(bytes: Buffer): ByteReader {
  return {
    size: bytes.length,
    read: async (offset, length) => {
      if (offset < 0 || !Number.isInteger(offset)) throw new RangeError(`offset ${offset}`)
      if (offset + length > bytes.length) throw refusal('IMAGE_TRUNCATED')
      return bytes.subarray(offset, offset + length)
    },
    window: async (offset) => {
      if (offset >= bytes.length) throw refusal('IMAGE_TRUNCATED')
      return bytes.subarray(offset, offset + windowBytes)
    },
  }
}

const layoutOptions = { limits: testLimits, keepProvenance: true }
const folder = mkdtempSync(join(tmpdir(), 'easel-layout-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function withFile(bytes: Buffer, use: (reader: ByteReader) => Promise<void>): Promise<void> {
  const path = join(folder, 'file')
  writeFileSync(path, bytes)
  await using handle = await open(path, 'r')
  await use(readFileBytes(handle, bytes.length, Buffer.alloc(windowBytes)))
}

async function layoutOrRefusal(bytes: Buffer): Promise<ImageLayout | EaselError> {
  try {
    return await readLayout(readerOf(bytes), layoutOptions)
  } catch (error) {
    if (error instanceof EaselError) return error
    throw error
  }
}

function checkPieces(layout: ImageLayout | EaselError, size: number): void {
  if (layout instanceof EaselError) return
  let last = 0
  for (const piece of layout.pieces) {
    if ('bytes' in piece) continue
    expect(piece.start).toBeGreaterThanOrEqual(last)
    expect(piece.end).toBeGreaterThan(piece.start)
    last = piece.end
  }
  expect(last).toBeLessThanOrEqual(size)
  expect(layout.width * layout.height).toBeLessThanOrEqual(testLimits.maxPixels)
}

const beginnings = {
  png: '89504e470d0a1a0a0000000d49484452',
  jpeg: 'ffd8ffe000104a464946',
  webp: '524946460000000057454250',
}

describe('the header reader', () => {
  it('reads through a scan of many windows, wherever they end', async () => {
    const jpeg = await makePicture('jpeg')
    const scanEnd = jpeg.length - 2
    for (let length = windowBytes - 700; length < windowBytes + 2; length++) {
      const stuffed = Buffer.alloc(length, Buffer.from([0xff, 0x00]))
      const bytes = Buffer.concat([
        jpeg.subarray(0, scanEnd),
        stuffed.subarray(0, length & ~1),
        jpeg.subarray(scanEnd),
      ])
      await withFile(bytes, async (reader) => {
        expect(await readLayout(reader, layoutOptions)).toMatchObject({ width: 48, height: 32 })
      })
    }
  })

  it.each(formats)('answers any bytes that begin like a %s with a layout or a refusal', async (format) => {
    const beginning = Buffer.from(beginnings[format], 'hex')
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (tail) => {
        const bytes = Buffer.concat([beginning, tail])
        checkPieces(await layoutOrRefusal(bytes), bytes.length)
      }),
      { numRuns: 500 },
    )
  })

  it('answers any bytes at all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        await layoutOrRefusal(Buffer.from(bytes))
      }),
      { numRuns: 500 },
    )
  })

  it('reads a file in windows as it would read it at once', async () => {
    const png = await drawNoise(900).png().toBuffer()
    const jpegs = [85, 86, 87, 88].map((quality) =>
      drawNoise(900).jpeg({ quality, progressive: true }).toBuffer(),
    )
    for (const bytes of [png, ...(await Promise.all(jpegs))]) {
      expect(bytes.length).toBeGreaterThan(windowBytes)
      await withFile(bytes, async (reader) => {
        expect(await readLayout(reader, layoutOptions)).toEqual(
          await readLayout(readerOf(bytes), layoutOptions),
        )
      })
    }
  })

  it.each(formats)('answers any damage to a real %s', async (format) => {
    const original = await makePicture(format, { alpha: 90, dress: everyMetadata })
    const damage = fc.record({
      changes: fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { maxLength: 8 }),
      length: fc.integer({ min: 1, max: original.length }),
      tail: fc.uint8Array({ maxLength: 40 }),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ changes, length, tail }) => {
        const bytes = Buffer.concat([original.subarray(0, length), tail])
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        checkPieces(await layoutOrRefusal(bytes), bytes.length)
      }),
      { numRuns: 500 },
    )
  })

  it('answers any EXIF block with an orientation', () => {
    const header = fc.constantFrom('49492a00', '4d4d002a', '457869660000 49492a00'.replace(' ', ''))
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 60 }), (start, tail) => {
        const orientation = readOrientation(Buffer.concat([Buffer.from(start, 'hex'), tail]))
        expect(orientation).toBeGreaterThanOrEqual(1)
        expect(orientation).toBeLessThanOrEqual(8)
      }),
      { numRuns: 2_000 },
    )
    expect(readOrientation(exifOrientation(6))).toBe(6)
    expect(readOrientation(exifOrientation(9))).toBe(1)
  })

  it('refuses a PNG by its structure, before anything is decoded', async () => {
    const png = await makePicture('png')
    const dataAt = png.indexOf('IDAT') - 4
    const changed = Buffer.from(png)
    changed[dataAt + 10] = (changed[dataAt + 10] ?? 0) ^ 1
    const dataless = Buffer.concat([png.subarray(0, dataAt), png.subarray(-12)])
    const twice = Buffer.concat([png.subarray(0, 33), png.subarray(8, 33), png.subarray(33)])
    const split = Buffer.concat([
      png.subarray(0, -12),
      pngChunk('tEXt', 'a\0b'),
      png.subarray(dataAt, -12),
      png.subarray(-12),
    ])
    const unknown = withPngChunks(png, pngChunk('CgBI', 'abcd'))
    const cases = {
      'checksum of IDAT': changed,
      'IDAT is missing': dataless,
      'IHDR appears twice': twice,
      CgBI: unknown,
    }
    for (const [words, bytes] of Object.entries(cases)) {
      expect(await layoutOrRefusal(bytes)).toMatchObject({
        message: expect.stringContaining(words),
        details: { reason: 'IMAGE_CORRUPT' },
      })
    }
    // Text between two parts of the picture goes with the other text and leaves them side by side.
    expect(await layoutOrRefusal(split)).not.toBeInstanceOf(EaselError)
  })

  it('refuses a JPEG with more scans than any encoder writes', async () => {
    const jpeg = await makePicture('jpeg')
    const scan = jpeg.subarray(jpeg.lastIndexOf(Buffer.from([0xff, 0xda])), jpeg.length - 2)
    const bomb = Buffer.concat([
      jpeg.subarray(0, -2),
      ...Array.from({ length: 100 }, () => scan),
      jpeg.subarray(-2),
    ])
    expect(await layoutOrRefusal(bomb)).toMatchObject({ details: { reason: 'IMAGE_CORRUPT' } })
  })

  it('finds the frame behind many segments, beyond any first look', async () => {
    const segments = Array.from({ length: 5 }, () => jpegSegment(0xe5, Buffer.alloc(60_000)))
    const bytes = withJpegSegments(await makePicture('jpeg'), ...segments)
    expect(await layoutOrRefusal(bytes)).toMatchObject({ width: 48, height: 32 })
  })
})
