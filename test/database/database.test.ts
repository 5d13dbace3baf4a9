import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diffMigrations, emptyMigration } from '../../prisma/migration-diff.ts'
import { channels } from '../../src/database/notifications.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { makePreparedFolder } from '../kit/database/prepared-embedded.ts'
import { removeFolder } from '../kit/temporary-folder.ts'

let folder: string
beforeAll(async () => {
  folder = await makePreparedFolder()
})
afterAll(() => removeFolder(folder))

const embedded = () =>
  openDatabase({
    kind: 'embedded',
    folder,
    onError: (error) => {
      throw error
    },
  })

test('the migrations say what prisma/schema.prisma says', async () => {
  expect(await diffMigrations()).toBe(emptyMigration)
})

test('keeps what was written when the folder is opened again', async () => {
  const first = await embedded()
  await first.prisma.user.create({ data: { id: crypto.randomUUID(), name: 'Ada' } })
  await first.close()
  const second = await embedded()
  expect(await second.prisma.user.findMany({ select: { name: true } })).toEqual([{ name: 'Ada' }])
  await second.close()
})

test('refuses a folder that another process has open, and takes it over once that one was killed', async () => {
  const script = `const { lockFolder } = await import(${JSON.stringify(import.meta.resolve('../../src/database/folder-lock.ts'))})
    lockFolder(process.argv[1]); console.log('locked'); setInterval(() => {}, 1000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(other.stdout, 'data')
  await expect(embedded()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    details: { reason: 'DATA_FOLDER_IN_USE' },
  })
  other.kill('SIGKILL')
  await once(other, 'exit')
  await (await embedded()).close()
})

test('a notification sent in a transaction arrives after its commit', async () => {
  const database = await embedded()
  const woken = Promise.withResolvers<string>()
  const stop = database.notifications.subscribe(channels.event, woken.resolve)
  await database.prisma.$transaction(async (tx) => {
    await tx.$executeRaw`SELECT pg_notify(${channels.event}, 'hello')`
  })
  expect(await woken.promise).toBe('hello')
  stop()
  await database.close()
})
