import { thumbHashToApproximateAspectRatio } from 'thumbhash'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Image } from '../../src/database/generated/client.ts'
import type { ImageRole } from '../../src/images/images.ts'
import { createGallery } from './gallery.ts'
import { makePicture, riffChunk, webpOf } from './pictures.ts'

let gallery: Awaited<ReturnType<typeof createGallery>>
let operationId: string
let position = 0

beforeAll(async () => {
  gallery = await createGallery()
  operationId = await gallery.createOperation()
})
afterAll(() => gallery.close())

async function keep(bytes: Buffer, role: ImageRole = 'RESULT'): Promise<Image> {
  const { id } = await gallery.keep(bytes, { operationId, role, position: position++ })
  return read(id)
}
const read = (id: string) => gallery.prisma.image.findUniqueOrThrow({ where: { id } })

describe('the placeholder of an image', () => {
  test('is made when it is asked for, in the shape of the image, and kept', async () => {
    const image = await keep(await makePicture('jpeg', { width: 600, height: 300 }))
    expect(image.thumbHash).toBeNull()
    const [hash] = await gallery.images.thumbHashes([image])
    expect(thumbHashToApproximateAspectRatio(Buffer.from(hash ?? '', 'base64'))).toBeGreaterThan(1.5)
    expect((await read(image.id)).thumbHash).toBe(hash)
  })

  test('is not made of a partial image', async () => {
    const image = await keep(await makePicture('png'), 'PARTIAL')
    expect(await gallery.images.thumbHashes([image])).toEqual([null])
  })

  test('is missing where the picture cannot be decoded, and that is known from then on', async () => {
    const webp = await makePicture('webp', { width: 300, height: 300 })
    const chunk = webp.subarray(20, 20 + webp.readUInt32LE(16))
    const broken = await keep(webpOf(riffChunk('VP8 ', chunk.subarray(0, Math.floor(chunk.length / 2)))))
    const whole = await keep(await makePicture('png'))
    expect(await gallery.images.thumbHashes([broken, whole])).toEqual([null, expect.any(String)])
    expect(await gallery.images.thumbHashes([await read(broken.id)])).toEqual([null])
    expect((await read(broken.id)).thumbHash).toBe('')
  })
})
