import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createS3Storage } from '../../src/images/s3-storage.ts'
import { type Storage, storageKey } from '../../src/images/storage.ts'
import { startS3Server } from './s3-server.ts'
import { refusalOf } from './studio.ts'

const root = mkdtempSync(join(tmpdir(), 'easel-storage-'))
const folder = join(root, 'images')
const source = join(root, 'source')
writeFileSync(source, '0123456789', { mode: 0o600 })
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** The driver needs @aws-sdk/client-s3 and @aws-sdk/s3-request-presigner, its optional peers. */
const hasS3Packages = await import('flydrive/drivers/s3').then(
  () => true,
  () => false,
)

const put = (storage: Storage, key: string, file = source, byteSize = 10) =>
  storage.put(key, file, { contentType: 'image/png', byteSize })

function keepsImages(current: () => Storage): void {
  it('reads what was put, whole or in part, once or twice put', async () => {
    const storage = current()
    await put(storage, 'a/one.png')
    await put(storage, 'a/one.png')
    expect(await storage.size('a/one.png')).toBe(10)
    expect((await buffer(await storage.open('a/one.png'))).toString()).toBe('0123456789')
    expect((await buffer(await storage.open('a/one.png', { start: 2, end: 4 }))).toString()).toBe('234')
    expect((await buffer(await storage.open('a/one.png', { start: 7 }))).toString()).toBe('789')
  })

  it('keeps the image when the file it was put from goes', async () => {
    const passing = join(root, 'passing')
    writeFileSync(passing, 'bytes')
    await put(current(), 'b/one.png', passing, 5)
    rmSync(passing)
    expect((await buffer(await current().open('b/one.png'))).toString()).toBe('bytes')
  })

  it('lists operations and their images, however many', async () => {
    const storage = current()
    for (const name of ['one', 'two', 'three']) await put(storage, `c/${name}.png`)
    for (const operation of ['d', 'e', 'f']) await put(storage, `${operation}/one.png`)
    expect(await Array.fromAsync(storage.listPrefixes())).toEqual(
      expect.arrayContaining(['c', 'd', 'e', 'f']),
    )
    const objects = await Array.fromAsync(storage.list('c/'))
    expect(objects.map(({ key }) => key).sort()).toEqual(['c/one.png', 'c/three.png', 'c/two.png'])
    for (const { modifiedAt } of objects) expect(Date.now() - modifiedAt.getTime()).toBeLessThan(60_000)
    expect(await Array.fromAsync(storage.list('nobody/'))).toEqual([])
  })

  it('deletes one image or all of an operation, again and again', async () => {
    const storage = current()
    for (const name of ['one', 'two', 'three', 'four']) await put(storage, `g/${name}.png`)
    await storage.delete('g/one.png')
    await storage.delete('g/one.png')
    expect(await storage.size('g/one.png')).toBeNull()
    expect(await storage.size('g/two.png')).toBe(10)
    await storage.deletePrefix('g/')
    await storage.deletePrefix('g/')
    expect(await Array.fromAsync(storage.list('g/'))).toEqual([])
    expect(await refusalOf(storage.open('g/two.png'))).toMatchObject({
      code: 'NOT_FOUND',
      reason: 'IMAGE_GONE',
    })
  })

  it('stops writing when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('stopped'))
    const stopped = current().put('h/one.png', source, { contentType: 'image/png', byteSize: 10, signal })
    await expect(stopped).rejects.toThrow()
    expect(await current().size('h/one.png')).toBeNull()
  })
}

describe('images in a folder', () => {
  const storage = createFileStorage({ folder, newId: randomUUID })
  keepsImages(() => storage)

  it('are there under their name alone, and for their owner alone', async () => {
    await put(storage, 'i/one.png')
    await put(storage, 'i/one.png')
    expect(readdirSync(join(folder, 'i'))).toEqual(['one.png'])
    expect(statSync(join(folder, 'i/one.png')).mode & 0o077).toBe(0)
  })

  it('take their folder with them when the last one goes', async () => {
    await put(storage, 'j/one.png')
    await storage.delete('j/one.png')
    expect(readdirSync(folder)).not.toContain('j')
  })

  it('can be put while their folder goes', async () => {
    for (let round = 0; round < 50; round++) {
      await put(storage, 'k/one.png')
      await Promise.all([storage.delete('k/one.png'), put(storage, 'k/two.png')])
      expect(await storage.size('k/two.png')).toBe(10)
      await storage.deletePrefix('k/')
    }
  })

  it('never leave the folder by way of an operation id', () => {
    const image = { sha256: 'x', mimeType: 'image/png' }
    for (const id of ['..', '../x', 'a/b', '', '/']) expect(() => storageKey(id, image)).toThrow(TypeError)
  })
})

describe.skipIf(!hasS3Packages)('images in a bucket', () => {
  let server: Awaited<ReturnType<typeof startS3Server>>
  let storage: Awaited<ReturnType<typeof createS3Storage>>
  beforeAll(async () => {
    server = await startS3Server('pictures')
    const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' }
    storage = await createS3Storage({
      bucket: 'pictures',
      region: 'eu',
      endpoint: server.endpoint,
      credentials,
    })
  })
  afterAll(async () => {
    storage.close()
    await server.close()
  })
  keepsImages(() => storage)

  it('are listed with their age without asking for each of them', async () => {
    for (const name of ['one', 'two', 'three']) await put(storage, `n/${name}.png`)
    server.requests.length = 0
    const objects = await Array.fromAsync(storage.list('n/'))
    expect(objects.map(({ modifiedAt }) => modifiedAt.getTime() > Date.now() - 60_000)).toEqual([
      true,
      true,
      true,
    ])
    expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['GET', 'GET'])
  })

  it('say what they are', async () => {
    await put(storage, 'l/one.png')
    expect(server.objects.get('l/one.png')?.contentType).toBe('image/png')
  })
})

describe.skipIf(!hasS3Packages)('a bucket whose server falls silent', () => {
  const sockets = new Set<Socket>()
  let answer: string | null = null
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', () => answer && socket.write(answer))
  })
  let storage: Awaited<ReturnType<typeof createS3Storage>>
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    storage = await createS3Storage({
      bucket: 'pictures',
      region: 'eu',
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
      timeouts: { connectMs: 300, idleMs: 300, requestMs: 5_000 },
    })
  })
  afterAll(() => {
    storage.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  it('fails in time, and leaves no connection behind', async () => {
    answer = null
    await expect(put(storage, 'm/one.png')).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect(storage.size('m/one.png')).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect.poll(() => sockets.size).toBe(0)
  })

  it('is not waited for by a list that nobody wants any more', async () => {
    answer = null
    const stop = new AbortController()
    const listing = Array.fromAsync(storage.listPrefixes(stop.signal))
    await expect.poll(() => sockets.size).toBe(1)
    stop.abort()
    await expect(listing).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('fails in time within an image too', async () => {
    answer = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234'
    await expect(buffer(await storage.open('m/one.png'))).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})
