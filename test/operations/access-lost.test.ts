import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { checkInvariants } from '../kit/checks/invariants.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { after } from '../kit/upstream/image-replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

/*
 * What a revoked key or a disabled user asked for is not sent any more. What was sent goes on, and is booked.
 */

let database: Database
let provider: ScriptedUpstream
let folder: string
let workshop: Workshop
let userId: string
let apiKey: { id: string; models: string[] }

beforeAll(async () => {
  database = await createTestDatabase()
  provider = await startScriptedUpstream()
  folder = await makeFolder()
})
afterEach(async () => {
  await checkInvariants({ prisma: database.prisma, provider, folders: [folder], output: workshop.output })
  await workshop.close()
})
afterAll(async () => {
  await provider.close()
  await database.close()
  await removeFolder(folder)
})

/** With a user and a key of its own. `at` is called in the gaps of the life of its operations. */
async function open(at: (name: FailpointName) => void | Promise<void> = () => {}): Promise<void> {
  const { prisma } = database
  userId = (await prisma.user.create({ data: { id: crypto.randomUUID(), name: 'Ada' } })).id
  const id = crypto.randomUUID()
  await prisma.apiKey.create({ data: { id, userId, name: 'k', prefix: 'easel_', hash: id } })
  apiKey = { id, models: [] }
  workshop = await openWorkshop({
    database,
    providerUrl: provider.url,
    folder,
    failpoint: at,
    limits: { concurrency: 1 },
  })
}

const at = () => new Date()
const revoke = async () => {
  await database.prisma.apiKey.update({ where: { id: apiKey.id }, data: { revokedAt: at() } })
}
const disable = async () => {
  await database.prisma.user.update({ where: { id: userId }, data: { disabledAt: at() } })
}
const submit = (prompt: string) => workshop.submit(prompt, { userId, apiKey })
const reserved = () =>
  database.prisma.spending.findMany({ where: { userId }, select: { tokensReserved: true, tokensUsed: true } })
const nothing = { tokensReserved: 0n, tokensUsed: 0n }
const refused = { status: 'FAILED', error: { reason: 'ACCESS_REVOKED' } }

async function run(prompt: string) {
  const { id } = await submit(prompt)
  await workshop.operations.wait(id)
  const { status, error } = await workshop.read(id)
  return { id, status, error }
}

test.each([
  ['the key is revoked', revoke],
  ['the user is disabled', disable],
])('nothing is sent when %s between the choice of the provider and the sending', async (_, takeAway) => {
  const prompt = `lost before it was sent: ${takeAway.name}`
  await open((name) => (name === 'prepared' ? takeAway() : undefined))
  expect(await run(prompt)).toMatchObject(refused)
  expect(provider.paidFor(prompt)).toBe(0)
  expect(await reserved()).toEqual([nothing, nothing, nothing])
})

test('a revocation that has not ended yet is waited for, and nothing is sent', async () => {
  const prompt = 'a revocation under way'
  const marking = Promise.withResolvers<void>()
  let committed: Promise<unknown> = Promise.resolve()
  await open(async (name) => {
    if (name !== 'prepared') return
    const begun = Promise.withResolvers<void>()
    committed = database.prisma.$transaction(async (tx) => {
      await tx.apiKey.update({ where: { id: apiKey.id }, data: { revokedAt: at() } })
      begun.resolve()
      await marking.promise
    })
    await begun.promise
    // The mark is on its way, or about to be, when the revocation is committed: either way it comes after.
    setImmediate(marking.resolve)
  })
  expect(await run(prompt)).toMatchObject(refused)
  await committed
  expect(provider.paidFor(prompt)).toBe(0)
})

test('no attempt is made for what is taken up after the access was lost', async () => {
  await open()
  await disable()
  const { id, ...end } = await run('too late')
  expect(end).toMatchObject(refused)
  expect(await database.prisma.attempt.count({ where: { operationId: id } })).toBe(0)
  expect(await reserved()).toEqual([nothing, nothing, nothing])
})

test('what was sent goes on, and is booked', async () => {
  const prompt = 'sent in time'
  await open((name) => (name === 'sent' ? disable() : undefined))
  expect(await run(prompt)).toMatchObject({ status: 'SUCCEEDED' })
  expect(provider.paidFor(prompt)).toBe(1)
  const [day] = await reserved()
  expect(day?.tokensReserved).toBe(0n)
  expect(day?.tokensUsed).toBeGreaterThan(0n)
})

test('what waits ends at once when it is looked for, and what runs does not', async () => {
  const answered = Promise.withResolvers<void>()
  await open()
  provider.answer('it runs', after(answered.promise))
  const running = await submit('it runs')
  await provider.until((calls) => calls.some(({ prompt }) => prompt === 'it runs'))
  const waiting = await submit('it waits')
  const other = await workshop.submit('of another')
  await revoke()
  await workshop.operations.endClosed()
  expect(await workshop.read(waiting.id)).toMatchObject(refused)
  expect(await workshop.read(running.id)).toMatchObject({ status: 'RUNNING' })
  answered.resolve()
  await until(async () => (await workshop.read(other.id)).status === 'SUCCEEDED')
  expect(await workshop.read(running.id)).toMatchObject({ status: 'SUCCEEDED' })
  expect(provider.paidFor('it waits')).toBe(0)
})

test('a key that is limited to models is refused another one, before anything is reserved', async () => {
  await open()
  apiKey.models = ['another-model']
  await expect(submit('a model too many')).rejects.toMatchObject({
    code: 'FORBIDDEN',
    details: { reason: 'MODEL_NOT_ALLOWED', field: 'input.model', allowed: ['another-model'] },
  })
  expect(await reserved()).toEqual([])
  apiKey.models = ['gpt-image-2']
  expect(await run('a model that it may use')).toMatchObject({ status: 'SUCCEEDED' })
})
