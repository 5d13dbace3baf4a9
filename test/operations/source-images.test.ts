import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pino } from 'pino'
import { v7 as newId } from 'uuid'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { createHourlyJob } from '../../src/database/queue.ts'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createImages, type Images } from '../../src/images/images.ts'
import {
  createOperationSources,
  type OperationSources,
} from '../../src/operations/accept/operation-sources.ts'
import { createRetention, type Retention } from '../../src/operations/keep/retention.ts'
import { createSpool } from '../../src/operations/keep/spool.ts'
import { isPostgresHere } from '../kit/database/postgres-database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { photoFile } from '../kit/photo.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'
import { recordImage } from '../kit/rooms/record-image.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'

const mending = { mendAll: async () => {} }

/*
 * An image that an accepted operation names is there when it runs, whatever retention does at the same moment.
 */

const hourMs = 3_600_000
const log = pino({ level: 'silent' })

let database: Database
let folder: string
let images: Images
let sources: OperationSources
let retention: Retention
let userId: string
/** Called once, when images were found to be past their life, before they go. */
let onDelete: (() => Promise<unknown>) | null

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await makeFolder()
  userId = (await database.prisma.user.create({ data: { id: newId(), name: 'Ada' } })).id
  const storage = createFileStorage({ folder: join(folder, 'images'), newId })
  const now = () => new Date()
  images = createImages({
    prisma: database.prisma,
    storage,
    stagingDir: join(folder, 'staging'),
    cacheDir: join(folder, 'cache'),
    publicUrl: 'http://127.0.0.1',
    signingKeys: [{ id: 'k', secret: 'a-secret-of-this-test' }],
    limits: defaultLimits.images,
    now,
    newId,
  })
  sources = createOperationSources({ database, images, newId })
  const limits = {
    partialImagesMs: hourMs,
    failedSourcesMs: hourMs,
    resultsMs: 1e12,
    operationsMs: 1e12,
    spoolMs: 0,
    tempMs: 0,
    quarantineMs: 0,
  }
  const spool = createSpool({ folder: join(folder, 'spool'), log })
  const job = createHourlyJob(database.boss, 'retention-under-test')
  const hooked: Images = {
    ...images,
    expireImages: async (which) => {
      const hook = onDelete
      onDelete = null
      await hook?.()
      return images.expireImages(which)
    },
  }
  retention = createRetention({ mending, database, images: hooked, spool, job, limits, now, log })
})
afterAll(async () => {
  await database.close()
  await removeFolder(folder)
})
beforeEach(async () => {
  onDelete = null
  await database.prisma.image.deleteMany()
})

async function makeOperation(more: { finishedAt?: Date } = {}): Promise<string> {
  const at = new Date()
  const facts = { kind: 'EDIT', fingerprint: '', input: {}, provider: 'p', model: 'm', userId } as const
  const times = { createdAt: at, modifiedAt: at, deadlineAt: at }
  const { id } = await database.prisma.operation.create({
    data: { id: newId(), ...facts, ...times, ...more },
  })
  return id
}

/** A partial image that is past its life. */
async function makeOldImage(): Promise<string> {
  const at = new Date(Date.now() - 2 * hourMs)
  const operationId = await makeOperation({ finishedAt: at })
  const photo = Buffer.from(await (await photoFile()).arrayBuffer())
  const staged = await images.stage(Readable.from([photo]), { maxBytes: 9_000_000 })
  const stored = await images.store(staged, operationId)
  await staged.discard()
  const place = { operationId, userId, role: 'PARTIAL', position: 0, createdAt: at } as const
  const { id } = await recordImage(database.prisma, images, stored, { ...place, id: newId() })
  return id
}

/** What accepting an operation does with an image it names; `meanwhile` happens before the end of the transaction. */
async function name(imageId: string, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  const source = { path: 'image.0', role: 'INPUT', position: 0, source: { imageId } } as const
  const ready = await sources.ready([source], userId)
  const operationId = await makeOperation()
  const stored = await sources.store(ready, operationId)
  await database.prisma.$transaction(async (tx) => {
    await sources.lock(tx, stored)
    const { named } = sources.toWrite(stored, { operationId, userId, at: new Date() })
    await tx.operationSource.createMany({ data: named.map((image) => ({ ...image, operationId })) })
    await meanwhile()
  })
}

const kept = async () => (await database.prisma.image.findMany()).map(({ id }) => id)

test('one that is named after it was found to be past its life stays', async () => {
  const ids = [await makeOldImage(), await makeOldImage()]
  let named = ''
  onDelete = async () => {
    named = (await kept())[0] ?? ''
    await name(named)
  }
  await retention.removeExpired()
  expect(ids).toContain(named)
  expect(await kept()).toEqual([named])
})

test('one that is being named at this moment stays', async ({ skip }) => {
  if (!isPostgresHere()) skip('an embedded database does one thing at a time')
  const id = await makeOldImage()
  let removing: Promise<unknown> = Promise.resolve()
  await name(id, async () => {
    removing = retention.removeExpired()
    await until(isAnyoneWaiting)
  })
  await removing
  expect(await kept()).toEqual([id])
})

async function isAnyoneWaiting(): Promise<boolean> {
  const rows = await database.prisma.$queryRaw<unknown[]>`
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  return rows.length > 0
}

test('one that is gone when the operation is to be accepted refuses it', async () => {
  const imageId = await makeOldImage()
  const source = { path: 'image.0', role: 'INPUT', position: 0, source: { imageId } } as const
  const ready = await sources.ready([source], userId)
  await retention.removeExpired()
  const stored = await sources.store(ready, newId())
  const locking = database.prisma.$transaction((tx) => sources.lock(tx, stored))
  await expect(locking).rejects.toMatchObject({
    code: 'NOT_FOUND',
    details: { reason: 'IMAGE_NOT_FOUND', field: 'input.image.0' },
  })
})
