import { once } from 'node:events'
import { join } from 'node:path'
import { v7 as newId } from 'uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyInput } from '../../src/catalogue/operation-input.ts'
import type { Database } from '../../src/database/database.ts'
import { createFileStorage } from '../../src/images/file-storage.ts'
import type { Storage } from '../../src/images/storage.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { stream } from '../kit/upstream/image-replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let database: Database
let provider: ScriptedUpstream
let folder: string

beforeAll(async () => {
  database = await createTestDatabase()
  provider = await startScriptedUpstream()
  folder = await makeFolder()
})
afterAll(async () => {
  await provider.close()
  await database.close()
  await removeFolder(folder)
})

/** Takes an image, and says nothing until it is told to stop. */
function createSilentStorage(): { storage: Storage; asked: Promise<void> } {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const files = createFileStorage({ folder: join(folder, 'images'), newId })
  const put: Storage['put'] = async (_key, _file, { signal }) => {
    resolve()
    signal?.throwIfAborted()
    await (signal ? once(signal, 'abort') : new Promise(() => {}))
    signal?.throwIfAborted()
  }
  return { storage: { ...files, put }, asked }
}

test.each([
  { what: 'an image', partialImages: 0 },
  { what: 'a partial image', partialImages: 1 },
])('a process that stops while $what is being kept puts it down at once', async ({ what, partialImages }) => {
  const prompt = `${what} for a silent storage`
  if (partialImages > 0) provider.answer(prompt, stream({ partials: 1, end: true }))
  const { storage, asked } = createSilentStorage()
  const parts = { database, providerUrl: provider.url, folder }
  const before = await openWorkshop({ ...parts, storage })
  const base = { ...emptyInput, model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW' as const }
  const { id } = await before.submit(prompt, { input: { ...base, prompt, partialImages } })
  await asked
  await before.close()
  expect(before.output.join('')).toContain('an operation was interrupted')

  const after = await openWorkshop(parts)
  await after.operations.wait(id)
  expect(await after.read(id)).toMatchObject({ finishedAt: expect.any(Date) })
  expect(provider.paidFor(prompt)).toBe(1)
  await after.close()
})
