import { randomUUID } from 'node:crypto'
import { afterAll, beforeEach, expect, it } from 'vitest'
import type { Storage } from '../../src/images/storage.ts'
import { confirmOwner, isForeignStorage } from '../../src/images/storage-owner.ts'
import { createGallery } from './gallery.ts'
import { makePicture } from './pictures.ts'
import { put } from './storage-contract.ts'
import { refusalOf } from './studio.ts'

const gallery = await createGallery()
const { prisma, storage } = gallery
afterAll(async () => {
  await gallery.close()
})
beforeEach(async () => {
  const objects = (await Array.fromAsync(storage.pages())).flat()
  await storage.deleteMany(objects.map(({ key }) => key))
  await becomeAnotherDatabase()
})

async function becomeAnotherDatabase(): Promise<string> {
  await prisma.storageOwner.deleteMany()
  const { databaseId } = await prisma.storageOwner.create({ data: { databaseId: randomUUID() } })
  return databaseId
}

const confirm = (of: Storage = storage) => confirmOwner({ prisma, storage: of })
const refusal = async () => {
  const error = await refusalOf(confirm())
  expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: 'STORAGE_OWNED_BY_ANOTHER' })
  return error.message
}
const imageKey = () => `${randomUUID()}/${'ab'.repeat(32)}.png`

it('a new storage belongs to the database that uses it first, and to no other', async () => {
  await confirm()
  await confirm()
  const first = await prisma.storageOwner.findUniqueOrThrow({ where: { id: 1 } })
  await becomeAnotherDatabase()
  expect(await refusal()).toContain(`it belongs to the database ${first.databaseId}`)
})

it('a storage from before there were marks goes on with the database that knows its images', async () => {
  const image = await gallery.keep(await makePicture('png'))
  await storage.delete('easel-owner.json')
  await put(storage, imageKey())
  await put(storage, 'backups/other.tar')
  await confirm()
  expect(await storage.size(image.storageKey)).toBe(image.byteSize)
})

it('a storage whose images are of operations that the database does not know is refused', async () => {
  await put(storage, 'backups/other.tar')
  await put(storage, imageKey())
  expect(await refusal()).toContain('operations that this database does not know')
  expect(await storage.readText('easel-owner.json')).toBeNull()
})

it('files of others alone make a storage nobody else’s', async () => {
  await put(storage, 'backups/other.tar')
  await confirm()
})

it('a mark that cannot be read refuses everybody', async () => {
  for (const text of ['', '{}', 'null', '{"databaseId":"me"}']) {
    await storage.writeText('easel-owner.json', text)
    await refusal()
  }
})

it('the refusal says what to write to hand the storage over, and that works', async () => {
  await confirm()
  await becomeAnotherDatabase()
  const [text, name] = /write (\{.*?\}) into (\S+) there/.exec(await refusal())?.slice(1) ?? []
  await storage.writeText(name ?? '', text ?? '')
  await confirm()
})

it('of two databases that come at the same moment one is refused', async () => {
  // Both have seen that there is no mark when the first of them writes its own.
  const slow: Storage = {
    ...storage,
    writeText: async (...text) => {
      await storage.writeText('easel-owner.json', JSON.stringify({ databaseId: randomUUID() }))
      return storage.writeText(...text)
    },
  }
  expect(isForeignStorage(await confirm(slow).catch((error: unknown) => error))).toBe(true)
})

it('no image is kept in a storage of another database, nor in one that cannot say whose it is', async () => {
  const away: Storage = { ...storage, readText: () => Promise.reject(new Error('away')) }
  for (const [of, message] of [
    [away, 'away'],
    [storage, 'it belongs to'],
  ] as const) {
    await storage.writeText('easel-owner.json', JSON.stringify({ databaseId: randomUUID() }))
    const stranger = await createGallery({}, { storage: of })
    await expect(stranger.keep(await makePicture('png'))).rejects.toThrow(message)
    await stranger.close()
  }
  expect((await Array.fromAsync(storage.pages())).flat()).toHaveLength(1)
})
