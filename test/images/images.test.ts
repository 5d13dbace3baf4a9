import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Image } from '../../src/database/generated/client.ts'
import { recordImage } from '../kit/rooms/record-image.ts'
import { createGallery, type Gallery } from './gallery.ts'
import { makePicture } from './pictures.ts'
import { refusalOf } from './studio.ts'

let gallery: Gallery
beforeAll(async () => {
  gallery = await createGallery({ maxBase64Bytes: 100_000 })
})
beforeEach(() => {
  gallery.clock.now = new Date()
})
afterAll(() => gallery.close())

async function textOf(image: Image): Promise<string> {
  const { length, read } = await gallery.images.base64(image)
  const text = Buffer.concat(await Array.fromAsync(read())).toString()
  expect(length).toBe(text.length)
  return text
}

describe('keeping images', () => {
  it('keeps the bytes under the operation and the hash, and the facts in a row', async () => {
    const bytes = await makePicture('png', { alpha: 50 })
    const operationId = await gallery.createOperation()
    const image = await gallery.keep(bytes, { operationId, role: 'INPUT', position: 3 })
    expect(image).toMatchObject({
      operationId,
      userId: gallery.userId,
      role: 'INPUT',
      position: 3,
      storageKey: `${operationId}/${image.sha256}.png`,
      mimeType: 'image/png',
      width: 48,
      height: 32,
      byteSize: bytes.length,
      hasAlpha: true,
      revisedPrompt: null,
      createdAt: gallery.clock.now,
    })
    expect(await textOf(image)).toBe(bytes.toString('base64'))
  })

  it('has one row and one object however often it is done', async () => {
    const operationId = await gallery.createOperation()
    const staged = await gallery.stage(await makePicture('webp'))
    const place = { operationId, role: 'RESULT', position: 0 } as const
    const kept = await Promise.all([1, 2, 3].map(() => gallery.keepStaged(staged, place)))
    await staged.discard()
    expect(new Set(kept.map(({ id }) => id)).size).toBe(1)
    expect(await gallery.prisma.image.count({ where: { operationId } })).toBe(1)
    const objects = await Array.fromAsync(gallery.storage.list(`${operationId}/`))
    expect(objects.map(({ key }) => key)).toEqual([kept[0]?.storageKey])
  })

  it('shows another image in the place of one that is made again', async () => {
    const operationId = await gallery.createOperation()
    const first = await gallery.keep(await makePicture('png'), { operationId })
    const second = await gallery.keep(await makePicture('png', { width: 20 }), { operationId })
    expect(second).toMatchObject({ id: first.id, width: 20 })
  })

  it('writes rows by a statement of the caller, which can still be undone', async () => {
    const operationId = await gallery.createOperation()
    const staged = await gallery.stage(await makePicture('png'))
    const stored = await gallery.images.store(staged, operationId)
    await staged.discard()
    const place = { operationId, userId: gallery.userId, role: 'RESULT', position: 0 } as const
    const undone = gallery.prisma.$transaction(async (tx) => {
      const row = { ...place, id: randomUUID(), createdAt: gallery.clock.now }
      await recordImage(tx, gallery.images, stored, row)
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    expect(await gallery.prisma.image.count({ where: { operationId } })).toBe(0)
  })

  it('leaves nothing in the staging folder', () => {
    expect(gallery.files('staging')).toEqual([])
  })
})

describe('base64', () => {
  it('refuses an image that would make too long a text', async () => {
    const image = await gallery.keep(await makePicture('png'))
    const error = await refusalOf(gallery.images.base64({ ...image, byteSize: 100_001 }))
    expect(error).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      allowed: { maxBytes: 100_000 },
      hint: 'USE_URL',
    })
  })

  it('says that an image is gone whose bytes were deleted', async () => {
    const image = await gallery.keep(await makePicture('png'))
    await gallery.storage.delete(image.storageKey)
    expect(await refusalOf(gallery.images.base64(image))).toMatchObject({
      code: 'NOT_FOUND',
      reason: 'IMAGE_GONE',
    })
  })
})

describe('deleting images', () => {
  it('deletes the rows and the bytes of an operation', async () => {
    const operationId = await gallery.createOperation()
    await gallery.keep(await makePicture('png'), { operationId })
    await gallery.keep(await makePicture('jpeg'), { operationId, position: 1 })
    expect(await gallery.images.deleteImages({ operationId })).toBe(2)
    expect(await gallery.prisma.image.count({ where: { operationId } })).toBe(0)
    expect(await Array.fromAsync(gallery.storage.list(`${operationId}/`))).toEqual([])
    expect(await gallery.images.deleteImages({ operationId })).toBe(0)
  })

  it('keeps bytes that another image of the operation shares', async () => {
    const operationId = await gallery.createOperation()
    const bytes = await makePicture('png')
    const result = await gallery.keep(bytes, { operationId })
    await gallery.keep(bytes, { operationId, role: 'PARTIAL' })
    await gallery.keep(await makePicture('jpeg'), { operationId, role: 'PARTIAL', position: 1 })
    const expiring = {
      operationIds: [operationId],
      roles: ['PARTIAL'],
      findNeeded: async () => [],
      onDeleted: async () => {},
    } as const
    expect(await gallery.images.expireImages(expiring)).toBe(1)
    const objects = await Array.fromAsync(gallery.storage.list(`${operationId}/`))
    expect(objects.map(({ key }) => key)).toEqual([result.storageKey])
    expect(await textOf(result)).toBe(bytes.toString('base64'))
  })
})

describe('sweeping this machine', () => {
  const day = 24 * 3600 * 1000

  it('deletes old temporary files, and nothing else', async () => {
    for (const path of ['staging/left.part', 'cache/left.part', 'cache/copy.png']) {
      const file = join(gallery.root, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, 'x')
    }
    expect(await gallery.images.sweepTemporaryFiles({ olderThanMs: day })).toBe(0)
    gallery.clock.now = new Date(Date.now() + 2 * day)
    expect(await gallery.images.sweepTemporaryFiles({ olderThanMs: day })).toBe(2)
    expect(gallery.files('cache')).toEqual(['copy.png'])
  })
})
