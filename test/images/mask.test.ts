import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGallery, type Gallery } from './gallery.ts'
import { drawPicture, type Format, makePicture } from './pictures.ts'
import { refusalOf } from './studio.ts'

const first = { width: 48, height: 32 }

let gallery: Gallery
beforeAll(async () => {
  gallery = await createGallery()
})
afterAll(() => gallery.close())

/** Opaque but for one pixel, the last. */
async function maskWithHole(alpha = 0): Promise<Buffer> {
  const { data, info } = await drawPicture({ alpha: 255 }).raw().toBuffer({ resolveWithObject: true })
  data[data.length - 1] = alpha
  const { width, height } = info
  return sharp(data, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer()
}

/** Once as it was uploaded, once as an image that is kept. */
async function outcomes(bytes: Buffer) {
  const [staged, kept] = [await gallery.stage(bytes), await gallery.keep(bytes, { role: 'MASK' })]
  const results = await Promise.allSettled(
    [staged, kept].map((mask) => gallery.images.checkMask(mask, first)),
  )
  await staged.discard()
  expect(gallery.files('staging')).toEqual([])
  return results
}

async function refusals(bytes: Buffer) {
  const results = await outcomes(bytes)
  return Promise.all(
    results.map((result) =>
      refusalOf(result.status === 'rejected' ? Promise.reject(result.reason) : Promise.resolve()),
    ),
  )
}

describe('a mask', () => {
  it('is accepted with a single fully transparent pixel', async () => {
    for (const { status } of await outcomes(await maskWithHole())) expect(status).toBe('fulfilled')
  })

  it('is accepted as a palette with transparency', async () => {
    const bytes = await sharp(await maskWithHole())
      .png({ palette: true })
      .toBuffer()
    for (const { status } of await outcomes(bytes)) expect(status).toBe('fulfilled')
  })

  it.each([255, 1])('is refused where its most transparent pixel has alpha %i', async (alpha) => {
    for (const error of await refusals(await maskWithHole(alpha))) {
      expect(error).toMatchObject({ code: 'BAD_USER_INPUT', reason: 'MASK_FULLY_OPAQUE', hint: 'ADD_ALPHA' })
    }
  })

  it('is refused where every pixel is fully transparent', async () => {
    for (const error of await refusals(await makePicture('png', { alpha: 0 }))) {
      expect(error).toMatchObject({ reason: 'MASK_FULLY_TRANSPARENT', hint: 'REMOVE_MASK' })
    }
  })

  it('is refused without an alpha channel', async () => {
    for (const error of await refusals(await makePicture('png'))) {
      expect(error).toMatchObject({ reason: 'MASK_WITHOUT_ALPHA', hint: 'ADD_ALPHA' })
    }
  })

  it('is refused in another size than the first image', async () => {
    for (const error of await refusals(await makePicture('png', { alpha: 0, width: 32, height: 48 }))) {
      expect(error).toMatchObject({
        reason: 'MASK_SIZE_MISMATCH',
        hint: 'RESIZE',
        allowed: first,
        actual: { width: 32, height: 48 },
      })
    }
  })

  it.each<Format>(['webp', 'jpeg'])('is refused as %s', async (format) => {
    for (const error of await refusals(await makePicture(format, { alpha: 0 }))) {
      expect(error).toMatchObject({
        reason: 'MASK_NOT_PNG',
        hint: 'CONVERT_TO_PNG',
        actual: `image/${format}`,
      })
    }
  })
})
