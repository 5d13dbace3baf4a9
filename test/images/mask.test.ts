import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFileStorage } from '../../src/images/file-storage.ts'
import type { Storage } from '../../src/images/storage.ts'
import { createGallery, type Gallery } from './gallery.ts'
import { drawPicture, makePicture } from './pictures.ts'

let gallery: Gallery
beforeAll(async () => {
  gallery = await createGallery()
})
afterAll(() => gallery.close())

/** Opaque but for one pixel, the last. */
async function drawMask(alpha = 0) {
  const { data, info } = await drawPicture({ alpha: 255 }).raw().toBuffer({ resolveWithObject: true })
  data[data.length - 1] = alpha
  const { width, height } = info
  return sharp(data, { raw: { width, height, channels: 4 } })
}

/** Once as it was uploaded, once as an image that is kept. */
async function coverages(bytes: Buffer) {
  const [staged, kept] = [await gallery.stage(bytes), await gallery.keep(bytes, { role: 'MASK' })]
  const found = await Promise.all([staged, kept].map((mask) => gallery.images.readCoverage(mask)))
  await staged.discard()
  expect(gallery.files('staging')).toEqual([])
  return found
}

describe('the coverage of a mask', () => {
  it.each([
    ['a PNG', {}],
    ['a PNG with a palette', { palette: true }],
  ])('is mixed with a single fully transparent pixel in %s', async (_, options) => {
    const bytes = await (await drawMask()).png(options).toBuffer()
    expect(await coverages(bytes)).toEqual(['MIXED', 'MIXED'])
  })

  it('is mixed in a WebP too: whether a model takes one is not said here', async () => {
    const bytes = await (await drawMask()).webp({ lossless: true }).toBuffer()
    expect(await coverages(bytes)).toEqual(['MIXED', 'MIXED'])
  })

  it.each([255, 1])('is opaque where its most transparent pixel has alpha %i', async (alpha) => {
    const bytes = await (await drawMask(alpha)).png().toBuffer()
    expect(await coverages(bytes)).toEqual(['OPAQUE', 'OPAQUE'])
  })

  it('is transparent where every pixel is', async () => {
    expect(await coverages(await makePicture('png', { alpha: 0 }))).toEqual(['TRANSPARENT', 'TRANSPARENT'])
  })

  /** Like `drawMask`, with 16 bits for each channel. */
  const drawDeepMask = (rest: number, last: number) => {
    const data = new Uint16Array(48 * 32 * 4).fill(0xffff)
    for (let at = 3; at < data.length; at += 4) data[at] = at + 1 === data.length ? last : rest
    const raw = { width: 48, height: 32, channels: 4 } as const
    return sharp(data, { raw }).toColourspace('rgb16').png().toBuffer()
  }

  it.each([
    ['OPAQUE', 0xffff, 0x00ff],
    ['OPAQUE', 0x00ff, 0x0001],
    ['MIXED', 0x00ff, 0],
    ['MIXED', 0, 0x00ff],
    ['TRANSPARENT', 0, 0],
  ])('is %s in 16 bits where alpha is %i, and %i in the last pixel', async (coverage, rest, last) => {
    expect(await coverages(await drawDeepMask(rest, last))).toEqual([coverage, coverage])
  })
})

describe('the masks of many users', () => {
  it('are decoded in turn, however many one of them sent before', async () => {
    const narrow = await createGallery({ decoders: 1 })
    const mask = await narrow.stage(await (await drawMask()).png().toBuffer())
    const done: string[] = []
    const decode = async (userId: string) => {
      await narrow.images.readCoverage(mask, { userId })
      done.push(userId)
    }
    await Promise.all([...Array.from({ length: 20 }, () => decode('eve')), decode('ann')])
    expect(done.indexOf('ann')).toBe(2)
    await mask.discard()
    await narrow.close()
  })

  it('are turned away beyond a share of the line that is each one’s own', async () => {
    const narrow = await createGallery({ decoders: 1, maxWaitingUploadsPerUser: 1 })
    const mask = await narrow.stage(await (await drawMask()).png().toBuffer())
    const decode = (userId: string) => narrow.images.readCoverage(mask, { userId })
    const eve = [decode('eve'), decode('eve'), decode('eve')]
    const ann = decode('ann')
    const fates = await Promise.allSettled(eve)
    expect(fates.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(await ann).toBe('MIXED')
    await mask.discard()
    await narrow.close()
  })

  it('are fetched when it is their turn, if they are kept', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-masks-'))
    const storage = createFileStorage({ folder, newId: randomUUID })
    const fetching = { now: 0, most: 0 }
    const open: Storage['open'] = async (...asked) => {
      fetching.most = Math.max(fetching.most, ++fetching.now)
      const bytes = await storage.open(...asked)
      return bytes.once('close', () => void fetching.now--)
    }
    const narrow = await createGallery({ decoders: 1 }, { storage: { ...storage, open } })
    const mask = await narrow.keep(await (await drawMask()).png().toBuffer(), { role: 'MASK' })
    const found = await Promise.all(Array.from({ length: 8 }, () => narrow.images.readCoverage(mask)))
    expect(new Set(found)).toEqual(new Set(['MIXED']))
    expect(fetching.most).toBe(1)
    await narrow.close()
    rmSync(folder, { recursive: true, force: true })
  })
})
