import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { after } from '../kit/upstream/image-replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let database: Database
let provider: ScriptedUpstream
let folder: string
let workshop: Workshop
/** Lets the operation go that holds the only place. */
let release: () => void

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
beforeEach(async () => {
  provider.calls.length = 0
  workshop = await openWorkshop({
    database,
    providerUrl: provider.url,
    folder,
    limits: { concurrency: 1, operationTimeoutMs: 120_000 },
  })
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  provider.answer('what runs', after(held))
  await workshop.submit('what runs', { userId: await makeUser() })
  await provider.until((calls) => calls.length === 1)
})
afterEach(async () => {
  release()
  await workshop.close()
})

async function makeUser(): Promise<string> {
  const { id } = await database.prisma.user.create({ data: { id: crypto.randomUUID(), name: 'Ada' } })
  return id
}

/** Submits one after the other. */
async function submitAll(userId: string, prompts: string[]): Promise<string[]> {
  const ids: string[] = []
  for (const prompt of prompts) ids.push((await workshop.submit(prompt, { userId })).id)
  return ids
}

const inOrder = async (count: number) => {
  release()
  await provider.until((calls) => calls.length === count + 1)
  return provider.calls.slice(1).map(({ prompt }) => prompt)
}

test('users take turns: one operation waits for one of each other user, and not for all of them', async () => {
  await submitAll(await makeUser(), ['a1', 'a2', 'a3', 'a4'])
  await submitAll(await makeUser(), ['b1', 'b2'])
  await submitAll(await makeUser(), ['c1'])
  expect(await inOrder(7)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4'])
})

test('whoever goes on asking does not overtake what it asked for before, nor anybody else', async () => {
  const [ann, bob] = [await makeUser(), await makeUser()]
  await submitAll(ann, ['a1', 'a2', 'a3'])
  await submitAll(bob, ['b1'])
  await submitAll(ann, ['a4'])
  await submitAll(bob, ['b2', 'b3'])
  expect(await inOrder(7)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4'])
})

test('a user has as many unfinished operations as it may have, however many requests come at once', async () => {
  const userId = await makeUser()
  const asked = Array.from({ length: 12 }, (_, index) =>
    workshop.submit(`at once ${index}`, { userId, mostUnfinished: 5 }),
  )
  const answers = await Promise.allSettled(asked)
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
  expect(refused).toHaveLength(7)
  for (const error of refused)
    expect(error).toMatchObject({
      code: 'RATE_LIMITED',
      details: { reason: 'TOO_MANY_UNFINISHED', allowed: 5, retryAfterMs: expect.any(Number) },
    })
  expect(await database.prisma.operation.count({ where: { userId } })).toBe(5)
  expect(await database.prisma.ledgerEntry.count({ where: { userId } })).toBe(5)
  // One that ends makes room for the next.
  const [one] = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.id] : []))
  await workshop.operations.cancel(one ?? '')
  await workshop.submit('the next', { userId, mostUnfinished: 5 })
})
