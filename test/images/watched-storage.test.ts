import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EaselError } from '../../src/errors.ts'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createS3Storage, type S3Storage } from '../../src/images/s3-storage.ts'
import type { Storage } from '../../src/images/storage.ts'
import { type WatchedStorage, watchStorage } from '../../src/images/watched-storage.ts'
import { type FaultProxy, startFaultProxy } from '../kit/network/fault-proxy.ts'
import { startS3Server } from '../kit/storage/s3-server.ts'
import { refusalOf } from './studio.ts'

const root = mkdtempSync(join(tmpdir(), 'easel-watched-'))
const source = join(root, 'source')
writeFileSync(source, '0123456789')
afterAll(() => rmSync(root, { recursive: true, force: true }))

const unavailable = { code: 'UNAVAILABLE', reason: 'STORAGE_UNAVAILABLE', retryAfterMs: expect.any(Number) }
let uptime = 0
let logged: string[] = []
beforeEach(() => {
  logged = []
})

const put = ({ storage }: WatchedStorage<Storage>, signal?: AbortSignal) =>
  storage.put(`${randomUUID()}/one.png`, source, { contentType: 'image/png', byteSize: 10, signal })

function watch<S extends Storage>(storage: S, probe: 'look' | 'write'): WatchedStorage<S> {
  const note = (...args: unknown[]) => void logged.push(String(args.at(-1)))
  const log = { warn: note, error: note } as never
  return watchStorage({
    storage,
    probe,
    folder: join(root, 'staging'),
    newId: randomUUID,
    uptimeMs: () => uptime,
    log,
  })
}

/** How old an answer may be. */
const ageMs = 5_000
const laterMs = 60_000
const later = () => {
  uptime += laterMs
}

describe('a bucket that is watched', () => {
  let server: Awaited<ReturnType<typeof startS3Server>>
  let wire: FaultProxy
  let s3: S3Storage
  let watched: WatchedStorage<S3Storage>

  beforeAll(async () => {
    server = await startS3Server('bucket')
    wire = await startFaultProxy({ port: Number(new URL(server.endpoint).port) })
    const endpoint = `http://127.0.0.1:${wire.port}`
    const credentials = { accessKeyId: 'id', secretAccessKey: 'key' }
    s3 = await createS3Storage({ bucket: 'bucket', region: 'us-east-1', endpoint, credentials })
  })
  beforeEach(() => {
    watched = watch(s3, 'look')
    later()
  })
  afterAll(async () => {
    s3.close()
    await wire.close()
    await server.close()
  })

  const breakOff = async () => {
    await wire.refuse(true)
    wire.reset()
  }

  it('says that it is the storage that is away, whatever is asked of it', async () => {
    await breakOff()
    const { storage } = watched
    const asked = [
      put(watched),
      storage.open('a/one.png'),
      storage.size('a/one.png'),
      storage.delete('a/one.png'),
      Array.fromAsync(storage.list('a/')),
      Array.fromAsync(storage.pages()),
    ]
    for (const refusal of await Promise.all(asked.map(refusalOf))) expect(refusal).toMatchObject(unavailable)
    await wire.refuse(false)
  })

  it('keeps what is no outage as it is', async () => {
    expect(await refusalOf(watched.storage.open('nobody/one.png'))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await watched.storage.size('nobody/one.png')).toBeNull()
    const reason = new Error('the caller has left')
    await expect(put(watched, AbortSignal.abort(reason))).rejects.not.toBeInstanceOf(EaselError)
    expect(await watched.isUp(ageMs)).toBe(true)
    expect(logged).toEqual([])
  })

  it('is asked once for many who want to know, and not again for a while', async () => {
    const before = server.requests.length
    expect(await Promise.all(Array.from({ length: 50 }, () => watched.isUp(ageMs)))).not.toContain(false)
    expect(await watched.isUp(ageMs)).toBe(true)
    expect(server.requests.slice(before)).toEqual(['HEAD easel-probe'])
  })

  it('is down once a write failed, and up once another one came through', async () => {
    expect(await watched.isUp(ageMs)).toBe(true)
    await breakOff()
    await refusalOf(put(watched))
    expect(await watched.isUp(ageMs)).toBe(false)
    await wire.refuse(false)
    const before = server.requests.length
    later()
    expect(await watched.isUp(ageMs)).toBe(true)
    expect(server.requests.slice(before).filter((each) => each.startsWith('HEAD'))).toEqual([])
    expect(logged).toEqual([
      'the storage of the images does not work: paid work waits',
      'the storage of the images works again',
    ])
  })

  it('is found down by a look when nobody wrote', async () => {
    await breakOff()
    expect(await watched.isUp(ageMs)).toBe(false)
    await wire.refuse(false)
    later()
    expect(await watched.isUp(ageMs)).toBe(true)
  })
})

describe('a folder that is watched', () => {
  const folder = join(root, 'images')

  it('is down while nothing can be written there, and leaves no file behind', async () => {
    const watched = watch(createFileStorage({ folder, newId: randomUUID }), 'write')
    await put(watched)
    later()
    renameSync(folder, `${folder}.away`)
    writeFileSync(folder, 'not a folder')
    expect(await watched.isUp(ageMs)).toBe(false)
    expect(await refusalOf(put(watched))).toMatchObject(unavailable)
    rmSync(folder)
    renameSync(`${folder}.away`, folder)
    later()
    expect(await watched.isUp(ageMs)).toBe(true)
    expect(readdirSync(join(root, 'staging'))).toEqual([])
  })

  it('that is full keeps that reason, and is down until an image of that size fits', async () => {
    const files = createFileStorage({ folder, newId: randomUUID })
    let roomBytes = 0
    const sizes: number[] = []
    const watched = watch(
      {
        ...files,
        put: async (_key, _file, { byteSize }) => {
          sizes.push(byteSize)
          if (byteSize > roomBytes) throw new EaselError('UNAVAILABLE', 'full', { reason: 'STORAGE_FULL' })
        },
      },
      'write',
    )
    const image = { contentType: 'image/png', byteSize: 3_000 }
    expect(await refusalOf(watched.storage.put('a/b.png', source, image))).toMatchObject({
      reason: 'STORAGE_FULL',
    })
    roomBytes = 2_999
    later()
    expect(await watched.isUp(ageMs)).toBe(false)
    roomBytes = 3_000
    later()
    expect(await watched.isUp(ageMs)).toBe(true)
    expect(sizes).toEqual([3_000, 3_000, 3_000])
  })
})
