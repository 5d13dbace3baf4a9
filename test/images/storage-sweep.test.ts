import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createS3Storage } from '../../src/images/s3-storage.ts'
import type { Storage } from '../../src/images/storage.ts'
import { sweepStorage } from '../../src/images/storage-sweep.ts'
import { startS3Server } from '../kit/storage/s3-server.ts'
import { createGallery, type Gallery } from './gallery.ts'
import { makePicture } from './pictures.ts'
import { put } from './storage-contract.ts'

const dayMs = 24 * 3_600_000
const lives = { tempMs: dayMs, quarantineMs: 30 * dayMs }
const sha256 = createHash('sha256').update('x').digest('hex')

let folder: string
let gallery: Gallery
let storage: Storage

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'easel-sweep-'))
  storage = createFileStorage({ folder, newId: randomUUID })
  gallery = await createGallery({}, { storage })
})
beforeEach(async () => {
  const { prisma } = gallery
  gallery.clock.now = new Date()
  await storage.deleteMany(await keys())
  await prisma.operation.deleteMany()
  await prisma.storageOwner.deleteMany()
  await prisma.storageOwner.create({ data: { databaseId: randomUUID() } })
})
afterAll(async () => {
  await gallery.close()
  rmSync(folder, { recursive: true, force: true })
})

const later = (days: number) => {
  gallery.clock.now = new Date(gallery.clock.now.getTime() + days * dayMs)
}

const sweep = () => gallery.images.sweepStorage(lives)

async function endOperation(more: { imagesDeletedAt?: Date } = {}): Promise<string> {
  const id = await gallery.createOperation()
  await gallery.prisma.operation.update({ where: { id }, data: { finishedAt: gallery.clock.now, ...more } })
  return id
}

/** An object as a crash leaves it, as old as the test's clock says. */
async function leave(operationId: string, name = `${sha256}.png`): Promise<string> {
  const key = `${operationId}/${name}`
  await put(storage, key)
  await utimes(join(folder, key), gallery.clock.now, gallery.clock.now)
  return key
}

async function keys(of: Storage = storage): Promise<string[]> {
  return (await Array.fromAsync(of.pages())).flat().map(({ key }) => key)
}

/** Sweeps daily, until the storage has been known for so long that nothing holds a sweep back; what it deleted. */
async function sweepForAMonth(): Promise<number> {
  let dead = 0
  for (let day = 0; day <= 30; day++) {
    dead += (await sweep())?.dead ?? 0
    later(1)
  }
  return dead
}

describe('a sweep of the storage', () => {
  it('leaves what a row names, what is young, what is in work, and what it does not understand', async () => {
    await sweep()
    const kept = await gallery.keep(await makePicture('png'), { operationId: await endOperation() })
    const running = await leave(await gallery.createOperation())
    const foreign = [
      'backups/other.tar',
      'notes.txt',
      `${randomUUID()}/x.png`,
      `${randomUUID()}/${sha256}.txt`,
    ]
    for (const key of foreign) await put(storage, key)
    await put(storage, 'spool/1.reply')
    await sweepForAMonth()
    expect(await keys()).toEqual(
      expect.arrayContaining([kept.storageKey, running, ...foreign, 'spool/1.reply']),
    )
    expect(await sweep()).toMatchObject({ dead: 0, named: 1, recent: 1, foreign: 4, own: 2, quarantined: 0 })
  })

  it('deletes what a crash left without a row once its quarantine is over, of an unknown operation too', async () => {
    await leave(await endOperation())
    await leave(randomUUID())
    expect(await sweepForAMonth()).toBe(2)
    expect(await keys()).toEqual(['easel-owner.json'])
  })

  it('keeps the same in quarantine until then', async () => {
    const left = [await leave(await endOperation()), await leave(randomUUID())]
    await sweep()
    later(2)
    expect(await sweep()).toMatchObject({ dead: 0, quarantined: 2 })
    expect(await keys()).toEqual(expect.arrayContaining(left))
  })

  it('deletes after a day what is left of an operation whose images have gone, and halves of files', async () => {
    const expired = await leave(await endOperation({ imagesDeletedAt: gallery.clock.now }))
    const half = await leave(randomUUID(), `${sha256}.png.${randomUUID()}.part`)
    await sweep()
    expect(await keys()).toEqual(expect.arrayContaining([expired, half]))
    later(1.1)
    expect(await sweep()).toMatchObject({ dead: 2 })
  })

  it('is done once a day, by one of all who ask', async () => {
    const { prisma, clock } = gallery
    const other = () => sweepStorage({ prisma, storage, now: () => clock.now, newId: randomUUID }, lives)
    const both = await Promise.all([sweep(), other()])
    expect(both.filter((report) => report !== null)).toHaveLength(1)
    later(0.9)
    expect([await sweep(), await other()]).toEqual([null, null])
    later(0.2)
    expect(await other()).not.toBeNull()
  })

  it('goes on where a killed one was, once nobody has heard of that one for a while', async () => {
    await leave(await endOperation())
    await put(storage, 'zzz.txt')
    await sweep()
    later(2)
    const asked: (string | null | undefined)[] = []
    const dying: Storage = {
      ...storage,
      async *pages(options = {}) {
        asked.push(options.after)
        for (const key of await keys()) {
          if (options.after && key <= options.after) continue
          yield [{ key, modifiedAt: new Date(0) }]
          if (asked.length === 1) throw new Error('killed')
        }
      },
    }
    const { prisma, clock } = gallery
    const options = { prisma, storage: dying, now: () => clock.now, newId: randomUUID }
    const [first] = await keys()
    await expect(sweepStorage(options, lives)).rejects.toThrow('killed')
    await prisma.storageOwner.update({
      where: { id: 1 },
      data: { leaseOwner: 'killed', leaseUntil: new Date(Date.now() + 60_000) },
    })
    expect(await sweepStorage(options, lives)).toBeNull()
    await prisma.storageOwner.update({ where: { id: 1 }, data: { leaseUntil: new Date(Date.now() - 1) } })
    expect(await sweepStorage(options, lives)).not.toBeNull()
    expect(asked).toEqual([null, first])
  })

  it('stops where another process has taken it over', async () => {
    const { prisma, clock } = gallery
    const taken: Storage = {
      ...storage,
      async *pages() {
        await prisma.storageOwner.update({ where: { id: 1 }, data: { leaseOwner: 'another' } })
        yield [{ key: 'a', modifiedAt: clock.now }]
        yield [{ key: 'b', modifiedAt: clock.now }]
      },
    }
    const swept = sweepStorage({ prisma, storage: taken, now: () => clock.now, newId: randomUUID }, lives)
    await expect(swept).rejects.toThrow('taken the sweep of the storage over')
    expect(await prisma.storageOwner.findUnique({ where: { id: 1 } })).toMatchObject({
      leaseOwner: 'another',
      sweptAt: null,
    })
  })

  it('deletes nothing in a storage of another database', async () => {
    const left = await leave(await endOperation({ imagesDeletedAt: gallery.clock.now }))
    await storage.writeText('easel-owner.json', JSON.stringify({ databaseId: randomUUID() }))
    later(40)
    await expect(sweep()).rejects.toMatchObject({ details: { reason: 'STORAGE_OWNED_BY_ANOTHER' } })
    expect(await keys()).toContain(left)
  })
})

describe('a database that was set back', () => {
  const owner = () => gallery.prisma.storageOwner.findUniqueOrThrow({ where: { id: 1 } })

  it('keeps what later rows may have named, for a quarantine from when that was noticed', async () => {
    await sweepForAMonth()
    const backup = await owner()
    later(50)
    // Made after the backup: its rows are gone with the restore.
    const lost = await leave(randomUUID())
    const at = gallery.clock.now
    await gallery.prisma.storageOwner.update({ where: { id: 1 }, data: { sweptAt: at } })
    later(1)
    await sweep()
    await gallery.prisma.storageOwner.update({ where: { id: 1 }, data: backup })
    later(60)
    expect(await sweep()).toMatchObject({ trust: 'RESTORED', dead: 0, quarantined: 1 })
    for (let day = 0; day < 29; day++) {
      later(1)
      expect(await sweep()).toMatchObject({ trust: 'SAME', dead: 0, quarantined: 1 })
    }
    expect(await keys()).toContain(lost)
    later(1.1)
    expect(await sweep()).toMatchObject({ trust: 'SAME', dead: 1 })
  })

  it('is noticed again each time a copy of it has swept the same storage', async () => {
    await sweep()
    let copy = await owner()
    const left = await leave(randomUUID())
    later(1)
    await sweep()
    let original = await owner()
    // For longer than the quarantine, so that the first suspicion would be over.
    for (let day = 0; day < 40; day++) {
      later(1.1)
      await gallery.prisma.storageOwner.update({ where: { id: 1 }, data: copy })
      expect(await sweep()).toMatchObject({ trust: 'RESTORED', dead: 0 })
      copy = await owner()
      await gallery.prisma.storageOwner.update({ where: { id: 1 }, data: original })
      expect(await sweep()).toMatchObject({ trust: 'RESTORED', dead: 0 })
      original = await owner()
    }
    expect(await keys()).toContain(left)
  })

  it('is not suspected because a process died between the mark and the row', async () => {
    await sweep()
    later(1)
    const { prisma, clock } = gallery
    const dying: Storage = {
      ...storage,
      async writeText(...text) {
        await storage.writeText(...text)
        throw new Error('killed')
      },
    }
    const options = { prisma, storage: dying, now: () => clock.now, newId: randomUUID }
    await expect(sweepStorage(options, lives)).rejects.toThrow('killed')
    expect(await sweep()).toMatchObject({ trust: 'SAME' })
  })

  it('is suspected where nothing has swept for long: a restore leaves no other sign then', async () => {
    await sweepForAMonth()
    await leave(randomUUID())
    later(40)
    expect(await sweep()).toMatchObject({ trust: 'LONG_PAUSE', dead: 0, quarantined: 1 })
  })
})

describe('what a sweep asks of S3', () => {
  it('grows with the pages and not with the operations', async () => {
    const server = await startS3Server('pictures')
    const s3 = await createS3Storage({
      bucket: 'pictures',
      prefix: 'easel/',
      region: 'eu',
      endpoint: server.endpoint,
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    })
    try {
      const { prisma, clock } = gallery
      const options = { prisma, storage: s3, now: () => clock.now, newId: randomUUID }
      await sweepStorage(options, lives)
      const ids = await Promise.all(
        Array.from({ length: 7 }, () => endOperation({ imagesDeletedAt: clock.now })),
      )
      for (const id of ids) await put(s3, `${id}/${sha256}.png`)
      later(2)
      server.requests.length = 0
      expect(await sweepStorage(options, lives)).toMatchObject({ dead: 7, own: 1 })
      const methods = Map.groupBy(server.requests, (request) =>
        request.includes('list-type=2') ? 'LIST' : (request.split(' ')[0] ?? ''),
      )
      // Eight objects in pages of two: one request for each page, and one for each page with something dead.
      expect(Object.fromEntries([...methods].map(([name, { length }]) => [name, length]))).toEqual({
        GET: 1,
        PUT: 1,
        LIST: 4,
        POST: 4,
      })
      expect(await keys(s3)).toEqual(['easel-owner.json'])
    } finally {
      s3.close()
      await server.close()
    }
  })
})
