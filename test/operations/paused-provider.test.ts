import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { checkInvariants } from '../kit/checks/invariants.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { after, fail } from '../kit/upstream/image-replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let database: Database
let provider: ScriptedUpstream
let folder: string
let workshop: Workshop

beforeAll(async () => {
  database = await createTestDatabase()
  provider = await startScriptedUpstream()
  folder = await makeFolder()
})
afterEach(() => workshop?.close())
afterAll(async () => {
  await provider.close()
  await database.close()
  await removeFolder(folder)
})

/** One failure pauses the provider. */
async function openPausing(pauseMs: number): Promise<void> {
  workshop = await openWorkshop({
    database,
    providerUrl: provider.url,
    folder,
    breaker: { maxFailures: 1, pauseMs },
    limits: { operationTimeoutMs: 120_000 },
  })
  const prompt = `what pauses it for ${pauseMs} ms`
  provider.answer(prompt, fail(500))
  const { id } = await workshop.submit(prompt)
  await workshop.operations.wait(id)
}

const attemptsOf = (operationId: string) => database.prisma.attempt.count({ where: { operationId } })
const waitsOf = (operationId: string) =>
  database.prisma.operationEvent.count({ where: { operationId, stage: 'WAITING_TO_RETRY' } })
const asked = (prompts: string[]) => provider.calls.filter(({ prompt }) => prompts.includes(prompt)).length
const lines = (message: string) => workshop.output.filter((line) => line.includes(message)).length

test('an operation that cannot outlast the pause fails at once as unavailable, without an attempt', async () => {
  await openPausing(3_600_000)
  const { id } = await workshop.submit('too early')
  await workshop.operations.wait(id)
  expect(await workshop.read(id)).toMatchObject({
    status: 'FAILED',
    error: { reason: 'UPSTREAM_UNAVAILABLE', retryAfterMs: expect.any(Number) },
  })
  expect([await attemptsOf(id), asked(['too early'])]).toEqual([0, 0])
})

test('one that can waits for the end of the pause, and its only attempt is the trial', async () => {
  await openPausing(500)
  const { id } = await workshop.submit('the trial')
  await workshop.operations.wait(id)
  expect(await workshop.read(id)).toMatchObject({ status: 'SUCCEEDED' })
  expect(await attemptsOf(id)).toBe(1)
  expect(lines('provider keeps failing')).toBe(1)
  expect(lines('provider is called again')).toBe(1)
})

test('of many that wait one is the trial, and the others go after it without a failed attempt', async () => {
  await openPausing(500)
  const answered = Promise.withResolvers<void>()
  const prompts = ['first', 'second', 'third'].map((which) => `${which} behind a pause`)
  for (const prompt of prompts) provider.answer(prompt, after(answered.promise))
  const ids = await Promise.all(prompts.map(async (prompt) => (await workshop.submit(prompt)).id))
  await provider.until(() => asked(prompts) === 1)
  // Each of the others has looked while the trial was under way, and waits again.
  await until(async () => {
    const waits = await Promise.all(ids.map(waitsOf))
    return waits.filter((count) => count > 1).length === 2
  })
  expect(asked(prompts)).toBe(1)
  answered.resolve()
  await Promise.all(ids.map((id) => workshop.operations.wait(id)))
  expect(await Promise.all(ids.map(attemptsOf))).toEqual([1, 1, 1])
})

test('and the books agree', () =>
  checkInvariants({ prisma: database.prisma, provider, folders: [folder], output: [] }))
