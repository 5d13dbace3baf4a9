import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createS3Storage, type S3Storage } from '../../src/images/s3-storage.ts'
import { hasCeph, type S3Server, startCeph } from '../kit/storage/ceph.ts'
import { makeBucket } from './bucket.ts'
import { createGallery } from './gallery.ts'
import { makePicture } from './pictures.ts'
import { keepsImages, put } from './storage-contract.ts'

/*
 * A storage on a server that this project did not write: what the one in s3-server.ts says is held against it.
 */

let server: S3Server
const opened: S3Storage[] = []

async function openStorage(prefix: string, bucket = 'pictures'): Promise<S3Storage> {
  const { endpoint, credentials } = server
  const storage = await createS3Storage({
    bucket,
    prefix,
    region: 'us-east-1',
    endpoint,
    credentials,
  })
  opened.push(storage)
  return storage
}

describe.skipIf(!hasCeph())('images on a real S3 server', () => {
  beforeAll(async () => {
    server = (await startCeph()) as S3Server
    await makeBucket(server, 'pictures')
  })
  afterAll(async () => {
    for (const storage of opened) storage.close()
    await server?.stop()
  })

  describe('in a bucket', () => {
    let storage: S3Storage
    beforeAll(async () => {
      // It shows everything that is in it: what others keep below a prefix too.
      await makeBucket(server, 'whole')
      storage = await openStorage('', 'whole')
    })
    keepsImages(() => storage)
  })

  describe('below a prefix', () => {
    let storage: S3Storage
    beforeAll(async () => {
      storage = await openStorage('easel/live/')
    })
    keepsImages(() => storage)

    it('are apart from those beside it', async () => {
      const [other, whole] = [await openStorage('easel/live2/'), await openStorage('')]
      await put(storage, 'here/one.png')
      await put(other, 'there/one.png')
      const keys = async (of: S3Storage) => (await Array.fromAsync(of.pages())).flat().map(({ key }) => key)
      expect(await keys(storage)).toContain('here/one.png')
      expect(await keys(other)).toEqual(['there/one.png'])
      expect(await keys(whole)).toContain('easel/live2/there/one.png')
      await other.deletePrefix('here/')
      await other.deleteMany(['here/one.png'])
      expect(await storage.size('here/one.png')).toBe(10)
    })
  })

  it('are listed and deleted a thousand in a request', async () => {
    const storage = await openStorage('many/')
    const keys = Array.from({ length: 1_234 }, (_, at) => `${String(at).padStart(4, '0')}/one.png`)
    for (let from = 0; from < keys.length; from += 50) {
      await Promise.all(keys.slice(from, from + 50).map((key) => put(storage, key)))
    }
    const pages = await Array.fromAsync(storage.pages())
    expect(pages.map((page) => page.length)).toEqual([1_000, 234])
    await storage.deleteMany(keys)
    expect((await Array.fromAsync(storage.pages())).flat()).toEqual([])
  })

  it('are swept: dead ones go, and the names of others end nothing', async () => {
    const storage = await openStorage('swept/')
    await using gallery = await openGallery(storage)
    const { prisma, clock, images } = gallery
    const kept = await gallery.keep(await makePicture('png'))
    await images.confirmOwner()
    const ended = await gallery.createOperation()
    await prisma.operation.update({
      where: { id: ended },
      data: { finishedAt: clock.now, imagesDeletedAt: clock.now },
    })
    await put(storage, `${ended}/${kept.sha256}.png`)
    const foreign = ['backups/other.tar', 'a\u0001b & <c>+%20/d"é', `${ended}/notes.txt`]
    for (const key of foreign) await put(storage, key)
    clock.now = new Date(Date.now() + 2 * 24 * 3_600_000)
    const swept = await images.sweepStorage({ tempMs: 1_000, quarantineMs: 1_000 })
    expect(swept).toMatchObject({ dead: 1, named: 1, foreign: 3, own: 1 })
    const left = (await Array.fromAsync(storage.pages())).flat().map(({ key }) => key)
    expect(left.sort()).toEqual([...foreign, kept.storageKey, 'easel-owner.json'].sort())
  })

  it('are in a bucket that one database has: another one is refused', async () => {
    const [storage, beside] = [await openStorage('owned/'), await openStorage('owned/beside/')]
    await using first = await openGallery(storage)
    await using second = await openGallery(storage)
    await using third = await openGallery(beside)
    await first.images.confirmOwner()
    await expect(second.images.confirmOwner()).rejects.toThrow('Easel cannot use the image storage')
    await third.images.confirmOwner()
    await first.images.confirmOwner()
  })
})

async function openGallery(storage: S3Storage) {
  const gallery = await createGallery({}, { storage })
  return Object.assign(gallery, { [Symbol.asyncDispose]: () => gallery.close() })
}
