import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { databaseFailure } from '../../src/database/database-failure.ts'
import { connectEmbedded, openEmbeddedDatabase } from '../../src/database/embedded-database.ts'
import { type EmbeddedThread, startEmbeddedThread } from '../../src/database/embedded-thread.ts'
import { keepTrying } from '../../src/database/keep-trying.ts'
import { channels } from '../../src/database/notifications.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { copyPreparedFolder, makePreparedFolder } from '../kit/database/prepared-embedded.ts'
import { waitMs } from '../kit/limits.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'

let folder: string
let database: Database
let thread: EmbeddedThread
let socket: Duplex
/** What it was told of work that nobody waits for. */
let errors: Error[]

const onError = (error: Error) => void errors.push(error)
const openSocket = () => {
  socket = thread.connect()
  return socket
}
const connect = () => connectEmbedded(openSocket, { onError })

beforeAll(async () => {
  folder = await makePreparedFolder()
  // One for all cases: those that break it hold that it begins again.
  thread = await startEmbeddedThread(folder, onError)
})
beforeEach(async () => {
  errors = []
  database = await connect()
  await database.prisma.user.deleteMany()
})
afterEach(() => database.close())
afterAll(async () => {
  await thread.close()
  await removeFolder(folder)
})

const addUser = { data: { id: crypto.randomUUID(), name: 'Ada' } }

/** What begins like a connection and is none: PGlite throws, and nobody catches it. */
const breakThread = () => socket.write(Buffer.from([0, 0, 0, 8, 0, 0, 0, 0]))

test('a crowd of transactions on the embedded database leaves everybody else their turns', async () => {
  let turns = 0
  const timer = setInterval(() => {
    turns++
  }, 1)
  const work = Array.from({ length: 60 }, () =>
    database.prisma.$transaction(async (tx) => {
      for (let index = 0; index < 5; index++) {
        await tx.user.create({ data: { id: crypto.randomUUID(), name: 'Ada' } })
      }
    }),
  )
  await Promise.all(work)
  clearInterval(timer)
  expect(turns).toBeGreaterThan(5)
  expect(await database.prisma.user.count()).toBe(300)
})

test('a statement of the embedded database leaves this thread to others for as long as it takes', async () => {
  let turns = 0
  let hasEnded = false
  const statement = database.prisma.$queryRaw`SELECT count(*) FROM generate_series(1, 1000000)`.then(() => {
    hasEnded = true
  })
  while (!hasEnded) {
    await new Promise(setImmediate)
    turns++
  }
  await statement
  // Sending it and taking its answer are a handful.
  expect(turns).toBeGreaterThan(100)
})

test('an embedded database that fails says so to whoever waits, and the next one finds what was committed', async () => {
  await database.prisma.user.create(addUser)
  const lost = inTransaction(database.prisma, async (tx) => {
    await tx.user.create({ data: { id: crypto.randomUUID(), name: 'Bob' } })
    breakThread()
    await tx.user.count()
  })
  const error = await lost.catch((cause) => cause)
  expect(databaseFailure(error)).toBe('UNAVAILABLE')
  await until(() => errors.some(({ message }) => message === 'The embedded database failed'))
  const names = () => database.prisma.user.findMany({ select: { name: true } })
  expect(await keepTrying(names, { forMs: waitMs })).toEqual([{ name: 'Ada' }])
})

test('what a connection to the embedded database leaves open is rolled back', async () => {
  await database.close()
  const client = new pg.Client({ stream: openSocket, user: 'postgres', ssl: false })
  await client.connect()
  await client.query('BEGIN')
  await client.query(`INSERT INTO "user" (id, name) VALUES (gen_random_uuid(), 'Ada')`)
  await client.end()
  database = await connect()
  expect(await database.prisma.user.count()).toBe(0)
})

test('notifications of an embedded database arrive after it has failed and begun again', async () => {
  const woken = Promise.withResolvers<string>()
  database.notifications.subscribe(channels.event, woken.resolve)
  breakThread()
  await until(() => errors.length > 0)
  await keepTrying(() => database.prisma.$executeRaw`SELECT pg_notify(${channels.event}, 'again')`, {
    forMs: waitMs,
  })
  expect(await woken.promise).toBe('again')
})

test('a folder whose embedded database cannot be opened says why, and is free for the next one', async () => {
  const broken = await makeFolder()
  const open = () => openEmbeddedDatabase({ folder: broken, onError })
  await copyPreparedFolder(broken)
  await rename(join(broken, 'postgres/global'), join(broken, 'global'))
  await expect(open()).rejects.toThrow('cannot be opened')
  await rename(join(broken, 'global'), join(broken, 'postgres/global'))
  await (await open()).close()
  await removeFolder(broken)
})
