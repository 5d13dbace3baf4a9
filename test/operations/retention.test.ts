import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pino } from 'pino'
import { v7 as newId } from 'uuid'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { createHourlyJob } from '../../src/database/queue.ts'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createImages } from '../../src/images/images.ts'
import type { Storage } from '../../src/images/storage.ts'
import type { NamedSource } from '../../src/operations/accept/operation-sources.ts'
import { createRetention, type Retention } from '../../src/operations/keep/retention.ts'
import { createSpool } from '../../src/operations/keep/spool.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { photoFile } from '../kit/photo.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { refuse, stream } from '../kit/upstream/image-replies.ts'
import { silence } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

const mending = { mendAll: async () => {} }

const dayMs = 24 * 3_600_000
const limits = {
  partialImagesMs: dayMs,
  failedSourcesMs: dayMs / 24,
  resultsMs: 30 * dayMs,
  operationsMs: 90 * dayMs,
  spoolMs: 0,
  tempMs: dayMs,
  quarantineMs: 30 * dayMs,
}

let database: Database
let provider: ScriptedUpstream
let folder: string
let workshop: Workshop
let retention: Retention
let today: Date

beforeAll(async () => {
  database = await createTestDatabase()
  provider = await startScriptedUpstream()
  folder = await makeFolder()
  workshop = await openWorkshop({ database, providerUrl: provider.url, folder, retention: limits })
  retention = retentionOver(createFileStorage({ folder: join(folder, 'images'), newId }))
})

function retentionOver(storage: Storage, log = pino({ level: 'silent' })): Retention {
  const now = () => today
  return createRetention({
    database,
    mending,
    images: createImages({
      prisma: database.prisma,
      storage,
      stagingDir: join(folder, 'staging'),
      cacheDir: join(folder, 'cache'),
      publicUrl: 'http://127.0.0.1',
      signingKeys: [{ id: 'k', secret: 'a-secret-of-the-workshop' }],
      limits: defaultLimits.images,
      now,
      newId,
    }),
    spool: createSpool({ folder: join(folder, 'spool'), log: pino({ level: 'silent' }) }),
    job: createHourlyJob(database.boss, 'retention-under-test'),
    limits,
    now,
    log,
  })
}

afterAll(async () => {
  await workshop.close()
  await database.close()
  await provider.close()
  await removeFolder(folder)
})
beforeEach(() => {
  today = new Date()
})

const later = (days: number) => {
  today = new Date(Date.now() + days * dayMs)
}

async function finished(prompt: string, requestId: string | null = null): Promise<string> {
  provider.answer(prompt, stream({ partials: 2, end: true }))
  const input = { ...(await inputOf(prompt)), partialImages: 2 }
  const { id } = await workshop.submit(prompt, { requestId, input })
  await workshop.operations.wait(id)
  return id
}

const inputOf = async (prompt: string) => {
  const { emptyInput } = await import('../../src/catalogue/operation-input.ts')
  return { ...emptyInput, prompt, model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW' as const }
}

const look = (id: string) =>
  database.prisma.operation.findUniqueOrThrow({
    where: { id },
    include: { images: true, events: { orderBy: { sequence: 'asc' } }, attempts: true, usage: true },
  })

const kinds = ({ events }: Awaited<ReturnType<typeof look>>) =>
  events.map(({ payload }) => (payload as { kind: string }).kind)

describe('what is past its life', () => {
  test('is nothing at first', async () => {
    await finished('a fresh picture')
    expect(await retention.removeExpired()).toEqual({
      partialImages: 0,
      failedSources: 0,
      results: 0,
      operations: 0,
    })
  })

  test('goes step by step: partial images, then all images, then what was asked; the usage stays', async () => {
    const id = await finished('a picture that ages', 'aging-1')
    expect(kinds(await look(id))).toContain('partialImage')

    later(2)
    expect((await retention.removeExpired()).partialImages).toBeGreaterThan(0)
    const second = await look(id)
    expect(second.images.map(({ role }) => role)).toEqual(['RESULT'])
    expect(kinds(second)).not.toContain('partialImage')
    expect(second.imagesDeletedAt).toBeNull()

    later(31)
    expect((await retention.removeExpired()).results).toBeGreaterThan(0)
    const third = await look(id)
    expect(third.images).toEqual([])
    expect(third.imagesDeletedAt).not.toBeNull()
    expect(existsSync(join(folder, 'images', id))).toBe(false)

    later(91)
    expect((await retention.removeExpired()).operations).toBeGreaterThan(0)
    const last = await look(id)
    expect(last).toMatchObject({ status: 'SUCCEEDED', requestId: null, attempts: [], usage: { images: 1 } })
    expect(JSON.stringify(last.input)).not.toContain('a picture that ages')
    expect(last.events.map(({ sequence }) => sequence)).toEqual([last.lastSequence])
    expect(await retention.removeExpired()).toEqual({
      partialImages: 0,
      failedSources: 0,
      results: 0,
      operations: 0,
    })
  })

  describe('an operation that made nothing', () => {
    const uploaded = async () => {
      const photo = Buffer.from(await (await photoFile()).arrayBuffer())
      const staged = workshop.images.stage(Readable.from([photo]), { maxBytes: 9_000_000 })
      return { path: 'image.0', role: 'INPUT', position: 0, source: { upload: { staged } } } as const
    }
    const edit = async (prompt: string, source: NamedSource) => {
      const input = { ...(await inputOf(prompt)), stream: true }
      const { id } = await workshop.submit(prompt, { kind: 'EDIT', input, sources: [source] })
      return id
    }
    const refused = async (source: NamedSource) => {
      provider.answer('a refused edit', refuse(400))
      const id = await edit('a refused edit', source)
      await workshop.operations.wait(id)
      return id
    }
    const cancelled = async (source: NamedSource) => {
      provider.answer('an edit to cancel', silence)
      const id = await edit('an edit to cancel', source)
      await workshop.operations.cancel(id)
      await workshop.operations.wait(id)
      return id
    }
    const named = (id: string): NamedSource => ({
      path: 'image.0',
      role: 'INPUT',
      position: 0,
      source: { imageId: id },
    })

    test.each([
      ['failed', refused],
      ['was cancelled', cancelled],
    ] as const)('loses its sources after an hour: one that %s', async (_, make) => {
      const id = await make(await uploaded())
      expect((await look(id)).images).toMatchObject([{ role: 'INPUT' }])
      later(0.9 / 24)
      await retention.removeExpired()
      expect((await look(id)).images).toHaveLength(1)
      later(1.1 / 24)
      expect((await retention.removeExpired()).failedSources).toBeGreaterThan(0)
      const left = await look(id)
      expect(left).toMatchObject({ images: [], usage: null })
      expect(left.imagesDeletedAt).not.toBeNull()
      expect(left.error).not.toBeNull()
      expect(existsSync(join(folder, 'images', id))).toBe(false)
      expect((await retention.removeExpired()).failedSources).toBe(0)
    })

    test('keeps the sources that another operation uses, until the images of that one go', async () => {
      const id = await refused(await uploaded())
      const [image] = (await look(id)).images
      const other = await edit('an edit that is made', named(image?.id as string))
      await workshop.operations.wait(other)
      later(1.1 / 24)
      await retention.removeExpired()
      expect((await look(id)).images).toEqual([image])
      later(31)
      await retention.removeExpired()
      expect((await look(id)).images).toEqual([])
    })

    test('keeps its partial images for their own time', async () => {
      const id = await refused(await uploaded())
      const { images } = await look(id)
      const { id: _, ...facts } = images[0] as (typeof images)[number]
      await database.prisma.image.create({ data: { ...facts, id: newId(), role: 'PARTIAL' } })
      later(1.1 / 24)
      expect((await retention.removeExpired()).failedSources).toBe(1)
      expect((await look(id)).images).toMatchObject([{ role: 'PARTIAL' }])
      expect((await look(id)).imagesDeletedAt).toBeNull()
      expect((await retention.removeExpired()).failedSources).toBe(0)
      later(1.1)
      await retention.removeExpired()
      expect((await look(id)).imagesDeletedAt).not.toBeNull()
    })
  })

  test('is all that a deleted user asked for and got, at once; its usage stays', async () => {
    const { prisma } = database
    const { id: userId } = await prisma.user.create({ data: { id: newId(), name: 'Ada' } })
    const kept = await finished('a picture of somebody else')
    const input = await inputOf('a picture of a deleted user')
    const { id } = await workshop.submit('', { userId, input })
    await workshop.operations.wait(id)
    await prisma.user.update({ where: { id: userId }, data: { deletedAt: today, disabledAt: today } })
    expect(await retention.removeExpired()).toEqual({
      partialImages: 0,
      failedSources: 0,
      results: 1,
      operations: 1,
    })
    const left = await look(id)
    expect(left.images).toEqual([])
    expect(JSON.stringify(left.input)).not.toContain('a picture of')
    expect(left.usage).toMatchObject({ userId, images: 1 })
    expect((await look(kept)).images).not.toEqual([])
    expect(await retention.removeExpired()).toEqual({
      partialImages: 0,
      failedSources: 0,
      results: 0,
      operations: 0,
    })
  })

  test('MON-06: frees the request id, which then makes a new operation', async () => {
    const before = await finished('a picture asked for twice', 'again-1')
    later(91)
    await retention.removeExpired()
    const after = await finished('a picture asked for twice', 'again-1')
    expect(after).not.toBe(before)
  })

  test('a request whose source image is gone still gets its operation', async () => {
    const from = await finished('a picture to be edited')
    const imageId = (await look(from)).images.find(({ role }) => role === 'RESULT')?.id ?? ''
    const edit = async (named: string) => {
      const given = { imageId: named }
      const source = { path: 'image.0', role: 'INPUT', position: 0, source: given } as const
      const input = { ...(await inputOf('an edit')), stream: true }
      return workshop.submit('an edit', { kind: 'EDIT', requestId: 'edit-1', input, sources: [source] })
    }
    const { id } = await edit(imageId)
    await workshop.operations.wait(id)
    await database.prisma.image.deleteMany({ where: { operationId: from } })
    expect(await edit(imageId.toUpperCase())).toMatchObject({ id, status: 'SUCCEEDED' })
    await expect(edit(newId())).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  })

  test('still ends what somebody follows', async () => {
    const id = await finished('a picture that is followed')
    later(91)
    await retention.removeExpired()
    const events = await Array.fromAsync(workshop.operations.follow(id, 0))
    expect(events.map(({ status }) => status)).toEqual(['SUCCEEDED'])
  })

  test.each([
    { role: 'PARTIAL', days: 2 },
    { role: 'RESULT', days: 31 },
  ])('does not take a $role image that an unfinished operation is to use', async ({ role, days }) => {
    const id = await finished('a picture that is used')
    const [image] = (await look(id)).images.filter((each) => each.role === role)
    const usedBy = await database.prisma.operation.create({
      data: {
        id: newId(),
        kind: 'EDIT',
        userId: workshop.userId,
        fingerprint: '',
        input: {},
        provider: 'paid',
        model: 'gpt-image-2',
        createdAt: new Date(),
        modifiedAt: new Date(),
        deadlineAt: new Date(Date.now() + dayMs),
        leaseUntil: new Date(Date.now() + dayMs),
        sources: { create: { role: 'INPUT', position: 0, imageId: image?.id as string } },
      },
    })
    later(days)
    await retention.removeExpired()
    expect((await look(id)).images).toContainEqual(image)
    await database.prisma.operation.update({
      where: { id: usedBy.id },
      data: { finishedAt: new Date(), status: 'FAILED' },
    })
    await retention.removeExpired()
    expect((await look(id)).images).not.toContainEqual(image)
  })
})

describe('what a crash left on the disk', () => {
  const old = new Date(Date.now() - 2 * dayMs)

  test('goes, unless an unfinished operation needs it', async () => {
    const id = await finished('a picture with a past')
    const settled = (await look(id)).attempts[0]?.id as string
    const open = newId()
    await database.prisma.operation.create({
      data: {
        id: newId(),
        kind: 'GENERATE',
        userId: workshop.userId,
        fingerprint: '',
        input: {},
        status: 'RUNNING',
        provider: 'paid',
        model: 'gpt-image-2',
        createdAt: new Date(),
        modifiedAt: new Date(),
        deadlineAt: new Date(),
        leaseUntil: new Date(Date.now() + dayMs),
        attempts: {
          create: {
            id: open,
            number: 1,
            state: 'RESPONDED',
            provider: 'paid',
            model: 'gpt-image-2',
            leaseEpoch: 1,
            createdAt: new Date(),
          },
        },
      },
    })
    const spool = join(folder, 'spool')
    await mkdir(spool, { recursive: true })
    // The operation's own reply goes a moment after its end.
    await until(async () => (await readdir(spool)).length === 0)
    for (const name of [settled, open, newId()]) {
      await writeFile(join(spool, `${name}.reply`), 'a reply')
      await utimes(join(spool, `${name}.reply`), old, old)
    }
    expect((await retention.sweepFiles()).spoolFiles).toBe(2)
    expect(await readdir(spool)).toEqual([`${open}.reply`])
  })
})

describe('trouble in one piece of the work', () => {
  test('does not keep the rest beyond its life', async () => {
    const ids = [
      await finished('a picture in a storage that is away'),
      await finished('another such picture'),
    ]
    later(91)
    const files = createFileStorage({ folder: join(folder, 'images'), newId })
    const away = Object.assign(files, { deleteMany: () => Promise.reject(new Error('S3 is away')) })
    const said: string[] = []
    const log = pino({ level: 'debug' }, { write: (line: string) => said.push(JSON.parse(line).msg) })
    const removed = await retentionOver(away, log).removeExpired()
    expect(removed.results).toBe(0)
    expect(removed.operations).toBeGreaterThan(1)
    for (const id of ids) expect((await look(id)).fingerprint).toBe('')
    expect(said).toEqual(['removing images past their life failed'])
  })

  test('a sweep of the storage that fails stops no other removal', async () => {
    const fresh = await createTestDatabase()
    const home = join(folder, 'unswept')
    const files = createFileStorage({ folder: join(home, 'images'), newId })
    const storage: Storage = { ...files, readText: () => Promise.reject(new Error('S3 is away')) }
    const swept = await openWorkshop({ database: fresh, providerUrl: provider.url, folder: home, storage })
    const said = (text: string) => until(async () => swept.output.some((line) => line.includes(text)))
    await said('sweeping the storage of images failed')
    await said('removed files that nobody needs')
    await said('removed what is past its life')
    await swept.close()
    await fresh.close()
  })
})

test('a sweep that takes long does not hold up a stop', async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const pages: Storage['pages'] = async function* ({ signal } = {}) {
    resolve()
    await (signal ? once(signal, 'abort') : new Promise(() => {}))
    signal?.throwIfAborted()
    yield []
  }
  // A workshop that is closed stops the queue of its database.
  const fresh = await createTestDatabase()
  const home = join(folder, 'swept')
  const files = createFileStorage({ folder: join(home, 'images'), newId })
  const storage: Storage = { ...files, pages }
  const swept = await openWorkshop({ database: fresh, providerUrl: provider.url, folder: home, storage })
  await asked
  await swept.close()
  await fresh.close()
  expect(swept.output.join('')).not.toMatch(/failed/)
})
