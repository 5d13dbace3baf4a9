import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createS3Storage, type S3Storage, type S3Timeouts } from '../../src/images/s3-storage.ts'
import { storageKey } from '../../src/images/storage.ts'
import { startS3Server } from '../kit/storage/s3-server.ts'
import { silence } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { keepsImages, put, startedAt } from './storage-contract.ts'

const root = mkdtempSync(join(tmpdir(), 'easel-storage-'))
const folder = join(root, 'images')
afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

/** The driver needs @aws-sdk/client-s3 and @aws-sdk/s3-request-presigner, its optional peers. */
const hasS3Packages = await import('flydrive/drivers/s3').then(
  () => true,
  () => false,
)

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
    expect(objects.map(({ modifiedAt }) => modifiedAt.getTime() >= startedAt)).toEqual([true, true, true])
    expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['GET', 'GET'])
  })

  it('say what they are', async () => {
    await put(storage, 'l/one.png')
    expect(server.objects.get('l/one.png')?.contentType).toBe('image/png')
  })
})

describe.skipIf(!hasS3Packages)('a bucket whose server falls silent', () => {
  let upstream: ScriptedUpstream
  const openStorage = (timeouts?: S3Timeouts) =>
    createS3Storage({
      bucket: 'pictures',
      region: 'eu',
      endpoint: upstream.url,
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
      timeouts,
    })
  let storage: S3Storage
  let patient: S3Storage
  beforeAll(async () => {
    upstream = await startScriptedUpstream()
    storage = await openStorage({ connectMs: 300, idleMs: 300, requestMs: 5_000 })
    patient = await openStorage()
  })
  afterAll(async () => {
    storage.close()
    patient.close()
    await upstream.close()
  })

  it('fails in time, and leaves no connection behind', async () => {
    upstream.script(silence)
    await expect(put(storage, 'm/one.png')).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect(storage.size('m/one.png')).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect.poll(upstream.openSockets).toBe(0)
  })

  it('is not waited for by a list that nobody wants any more', async () => {
    upstream.script(silence)
    const stop = new AbortController()
    const before = upstream.requests.length
    const listing = Array.fromAsync(patient.pages({ signal: stop.signal }))
    await upstream.until(() => upstream.requests.length > before)
    stop.abort()
    await expect(listing).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('fails in time within an image too', async () => {
    upstream.script(({ write }) => write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234'))
    await expect(buffer(await openAtLast('m/one.png'))).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  /** Asks again while the limits are too short for a busy machine. */
  async function openAtLast(key: string): Promise<Readable> {
    for (;;) {
      try {
        return await storage.open(key)
      } catch (error) {
        expect(error).toMatchObject({ name: 'TimeoutError' })
      }
    }
  }
})
