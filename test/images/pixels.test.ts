import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { writeUpright } from '../../src/images/clean-copy.ts'
import { createGate } from '../../src/images/gate.ts'
import { readCoverage } from '../../src/images/mask.ts'
import { readThumbHash, toPixelError } from '../../src/images/pixels.ts'
import { makePicture } from './pictures.ts'
import { refusalOf } from './studio.ts'

const folder = mkdtempSync(join(tmpdir(), 'easel-pixels-'))
const picture = join(folder, 'picture.jpg')
writeFileSync(picture, await makePicture('jpeg'))
const missing = join(folder, 'missing.png')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const gate = createGate({ slots: 1, maxWaiting: 1 })
const maxPixels = 50_000_000

describe('a picture is not called damaged', () => {
  it('when its file cannot be read', async () => {
    const unavailable = { code: 'UNAVAILABLE', reason: 'IMAGE_UNREADABLE' }
    expect(await refusalOf(readThumbHash(missing, maxPixels))).toMatchObject(unavailable)
    const mask = { path: missing, width: 64, height: 64 }
    expect(await refusalOf(readCoverage({ mask, maxPixels, gate }))).toMatchObject(unavailable)
  })

  it('when there is no room for its upright copy', async () => {
    const options = { from: picture, layout: { mimeType: 'image/jpeg' } as never, maxPixels }
    const full = writeUpright({ ...options, to: '/dev/full' })
    expect(await refusalOf(full)).toMatchObject({ code: 'UNAVAILABLE', reason: 'STORAGE_FULL' })
    const nowhere = writeUpright({ ...options, to: join(folder, 'nowhere/x.jpg') })
    expect(await refusalOf(nowhere)).toMatchObject({ code: 'UNAVAILABLE', reason: 'IMAGE_UNREADABLE' })
  })

  it('when decoding it takes too long', async () => {
    const create = { width: 8000, height: 8000, channels: 3, background: '#123' } as const
    const slow = sharp({ create }).blur(300).timeout({ seconds: 1 }).raw().toBuffer()
    const error = await slow.catch((cause) => toPixelError(cause))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'IMAGE_UNREADABLE' } })
  })

  it.each([
    'vips_tracked: out of memory -- size == 48MB',
    'VipsJpeg: Insufficient memory (case 4)',
    'Could not allocate enough memory for raw output',
    'pngload: read error\nsystem error: Input/output error',
  ])('when libvips says "%s"', (words) => {
    expect(toPixelError(new Error(words))).toMatchObject({ code: 'UNAVAILABLE' })
  })
})

it.each([
  'vipspng: libpng read error',
  'VipsJpeg: premature end of JPEG image',
  'webp: unable to read pixels',
])('a picture is damaged when libvips says "%s"', (words) => {
  expect(toPixelError(new Error(words))).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { reason: 'IMAGE_CORRUPT' },
  })
})
