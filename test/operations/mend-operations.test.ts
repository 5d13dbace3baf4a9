import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { checkInvariants } from '../kit/checks/invariants.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { refuse } from '../kit/upstream/image-replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let database: Database
let provider: ScriptedUpstream
let folder: string
let workshop: Workshop

beforeEach(async () => {
  provider = await startScriptedUpstream()
  database = await createTestDatabase()
  folder = await makeFolder()
  workshop = await open()
})
afterEach(async () => {
  await checkInvariants({ prisma: database.prisma, provider, folders: [folder], output: workshop.output })
  await workshop.close()
  await database.close()
  await provider.close()
  await removeFolder(folder)
})

const spool = () => join(folder, 'spool')
const keptReplies = () => join(folder, 'kept')
const retention = { spoolMs: 3_600_000 }

const open = () =>
  openWorkshop({
    database,
    providerUrl: provider.url,
    folder,
    retention,
    failpoint: async (gap) => {
      if (gap === 'responded') await cp(spool(), keptReplies(), { recursive: true })
    },
  })

async function run(prompt: string): Promise<string> {
  const { id } = await workshop.submit(prompt)
  await workshop.operations.wait(id)
  return id
}

/** Only an end that is not quite new is looked at. */
const age = () => database.prisma.$executeRaw`UPDATE operation SET finished_at = now() - interval '10 min'`

/** What a stalled database left of an end: its first statement, long ago. */
async function halve(id: string): Promise<void> {
  const { prisma } = database
  await age()
  await prisma.usageRecord.deleteMany({ where: { operationId: id } })
  await prisma.usageHour.deleteMany({})
  await prisma.image.deleteMany({ where: { operationId: id, role: 'RESULT' } })
  await prisma.ledgerEntry.deleteMany({ where: { operationId: id, kind: { not: 'RESERVE' } } })
  await prisma.$executeRaw`
    UPDATE spending SET tokens_used = 0, tokens_reserved = (SELECT sum(tokens) FROM ledger_entry)`
  await prisma.$executeRaw`
    UPDATE money_spending SET used_micros = 0, reserved_micros = (SELECT sum(cost_micros) FROM ledger_entry)`
  await prisma.attempt.updateMany({
    where: { operationId: id },
    data: { state: 'RESPONDED', settledAt: null },
  })
  await prisma.operationEvent.deleteMany({ where: { operationId: id, sequence: { gt: 2 } } })
}

/** The same database and disk, another process. Between the two nobody looks at what is done there. */
async function restart(meanwhile: () => Promise<unknown>): Promise<void> {
  await workshop.close()
  await meanwhile()
  workshop = await open()
}

const read = (id: string) =>
  database.prisma.operation.findUniqueOrThrow({
    where: { id },
    include: { images: true, usage: true, events: true },
  })
const ledger = async (operationId: string) =>
  (await database.prisma.ledgerEntry.findMany({ where: { operationId } })).map(({ kind }) => kind).sort()

describe('a start after a stalled database committed half of an end', () => {
  test('ends a success again from its spooled reply, and pays nobody twice', async () => {
    const id = await run('a heron')
    await restart(async () => {
      await halve(id)
      await cp(keptReplies(), spool(), { recursive: true })
    })
    await until(async () => (await read(id)).usage !== null)
    const after = await read(id)
    expect(after).toMatchObject({ status: 'SUCCEEDED', images: [{ role: 'RESULT' }], usage: { images: 1 } })
    expect(await ledger(id)).toEqual(['CAPTURE', 'RELEASE', 'RESERVE'])
    expect(provider.paidFor('a heron')).toBe(1)
  })

  test('gives the reservation of a success back whose reply is gone, and books the loss', async () => {
    const id = await run('a heron that flew away')
    await restart(() => halve(id))
    await until(async () => (await ledger(id)).includes('RELEASE'))
    expect(await read(id)).toMatchObject({
      status: 'FAILED',
      error: { reason: 'RESULT_LOST' },
      response: null,
    })
    expect(await ledger(id)).toEqual(['PROVIDER_LOSS', 'RELEASE', 'RESERVE'])
  })

  test('writes the rest of a failure', async () => {
    provider.answer('a refused heron', refuse(400))
    const id = await run('a refused heron')
    const { error } = await read(id)
    await restart(() => halve(id))
    await until(async () => (await ledger(id)).includes('RELEASE'))
    expect(await read(id)).toMatchObject({ status: 'FAILED', error })
  })

  test('leaves an end that cannot be read until somebody repairs it, and goes on with the others', async () => {
    provider.answer('a torn heron', refuse(400))
    provider.answer('a refused heron', refuse(400))
    const [torn, refused] = [await run('a torn heron'), await run('a refused heron')]
    const { error } = await read(torn)
    const write = (json: object) =>
      database.prisma.operation.update({ where: { id: torn }, data: { error: json } })
    await restart(async () => {
      for (const id of [torn, refused]) await halve(id)
      await write({ reason: 7 })
    })
    await until(async () => (await ledger(refused)).includes('RELEASE'))
    expect(workshop.output.join()).toContain(`The column operation.error of row ${torn} cannot be read`)
    expect(await ledger(torn)).toEqual(['RESERVE'])

    await restart(async () => {
      await write(error as object)
      await database.prisma.endCheck.deleteMany({})
    })
    await until(async () => (await ledger(torn)).includes('RELEASE'))
    expect(await read(torn)).toMatchObject({ status: 'FAILED', error })
  })

  test('fills the places of events that are missing', async () => {
    const id = await run('a heron with a gap')
    const { lastSequence, events } = await read(id)
    await restart(async () => {
      await age()
      await database.prisma.operationEvent.deleteMany({
        where: { operationId: id, sequence: { in: [2, lastSequence - 1, lastSequence] } },
      })
    })
    await until(async () => (await read(id)).events.length === lastSequence)
    const last = (all: typeof events) =>
      all
        .sort((a, b) => a.sequence - b.sequence)
        .slice(-2)
        .map(({ type, status, payload }) => ({ type, status, payload }))
    expect(last((await read(id)).events)).toEqual(last(events))
  })

  test('lets an operation end for which nothing was reserved', async () => {
    await workshop.close()
    const { id, userId } = await database.prisma.user
      .findFirstOrThrow()
      .then((user) => ({ id: crypto.randomUUID(), userId: user.id }))
    await database.prisma.$executeRaw`
      INSERT INTO operation (id, kind, status, user_id, fingerprint, input, provider, model, created_at, modified_at, deadline_at)
      VALUES (${id}::uuid, 'GENERATE', 'QUEUED', ${userId}::uuid, '', '{"prompt": "a heron on credit"}', 'paid', 'gpt-image-2',
              now() - interval '1 h', now() - interval '1 h', now() - interval '1 s')`
    workshop = await open()
    await until(async () => (await read(id)).finishedAt !== null)
    expect(await read(id)).toMatchObject({ status: 'FAILED', error: { reason: 'DEADLINE_EXCEEDED' } })
    expect(await ledger(id)).toEqual(['RELEASE', 'RESERVE'])
  })

  test('looks at each end once', async () => {
    const id = await run('a heron that is well')
    await restart(age)
    await until(async () => (await database.prisma.endCheck.findFirst())?.operationId === id)
    expect(workshop.output.join()).not.toContain('by halves')
  })
})
