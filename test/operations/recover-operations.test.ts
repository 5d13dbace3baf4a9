import { pino } from 'pino'
import { v7 as newId } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { createRecovery } from '../../src/operations/run/recover-operations.ts'
import { createUsage } from '../../src/usage/usage.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { reserve } from '../kit/rooms/reserve.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let database: Database
let provider: ScriptedUpstream
let folder: string
let workshop: Workshop | null = null

beforeAll(async () => {
  database = await createTestDatabase()
  provider = await startScriptedUpstream()
  folder = await makeFolder()
})
afterAll(async () => {
  await workshop?.close()
  await database.close()
  await provider.close()
  await removeFolder(folder)
})

async function open(): Promise<Workshop> {
  workshop = await openWorkshop({ database, providerUrl: provider.url, folder })
  return workshop
}

/** An operation as so many dead processes left it. */
async function left({ deadOwners, sent }: { deadOwners: number; sent: boolean }): Promise<string> {
  const { prisma } = database
  const [id, userId, at] = [newId(), newId(), new Date()]
  await prisma.user.create({ data: { id: userId, name: 'Ada' } })
  await prisma.$transaction(async (tx) => {
    await tx.operation.create({
      data: {
        ...{ id, kind: 'GENERATE', userId, fingerprint: '', status: 'RUNNING', deadOwners },
        ...{ provider: 'paid', model: 'gpt-image-2', createdAt: at, modifiedAt: at },
        input: { prompt: 'a moth', model: 'paid/gpt-image-2', n: 1, size: '1024x1024', quality: 'LOW' },
        deadlineAt: new Date(at.getTime() + 60_000),
      },
    })
    if (sent) {
      const attempt = { operationId: id, number: 1, provider: 'paid', model: 'gpt-image-2', leaseEpoch: 0 }
      await tx.attempt.create({ data: { id: newId(), ...attempt, state: 'SENT', createdAt: at } })
    }
    const amount = { tokens: 500, costMicros: 20 }
    await reserve(tx, createUsage({ prisma, now: () => at, newId }), {
      operationId: id,
      userId,
      at,
      ...amount,
    })
  })
  return id
}

describe('an operation at which process after process died', () => {
  test('is given up: a request that was not sent costs nobody anything, one that was costs the house', async () => {
    const unsent = await left({ deadOwners: 11, sent: false })
    const sent = await left({ deadOwners: 11, sent: true })
    const patient = await left({ deadOwners: 10, sent: true })
    const { operations, read } = await open()
    for (const id of [unsent, sent, patient]) await operations.wait(id)
    const reasonOf = async (id: string) => ((await read(id)).error as { reason: string }).reason
    expect(await reasonOf(unsent)).toBe('INTERNAL')
    expect(await reasonOf(sent)).toBe('RESULT_LOST')
    expect(await reasonOf(patient)).toBe('UPSTREAM_OUTCOME_UNKNOWN')
    expect(provider.calls).toEqual([])
    const kinds = async (operationId: string) =>
      (await database.prisma.ledgerEntry.findMany({ where: { operationId } })).map(({ kind }) => kind).sort()
    expect(await kinds(unsent)).toEqual(['RELEASE', 'RESERVE'])
    expect(await kinds(sent)).toEqual(['PROVIDER_LOSS', 'RELEASE', 'RESERVE'])
  })
})

describe('operations that wait for their turn', () => {
  test('get a job again where theirs was lost, however many they are', async () => {
    await workshop?.close()
    workshop = null
    const { prisma } = database
    const user = await prisma.user.create({ data: { id: newId(), name: 'Ada' } })
    const waiting = 1_200
    await prisma.$executeRaw`
      INSERT INTO operation (id, kind, status, stage, user_id, fingerprint, input, provider, model,
                             created_at, modified_at, deadline_at)
      SELECT gen_random_uuid(), 'GENERATE', 'QUEUED', 'QUEUED', ${user.id}::uuid, '', '{}', 'paid', 'gpt-image-2',
             now() - interval '1 h', now() - interval '1 h', now() + interval '1 h'
        FROM generate_series(1, ${waiting})`
    const sent: string[] = []
    const recovery = createRecovery({
      database,
      queue: { sendMissing: async (ids) => void sent.push(...ids) },
      spool: { list: async () => [] },
      work: async () => {},
      leaseMs: 100,
      log: pino({ level: 'silent' }),
    })
    recovery.start()
    await until(() => new Set(sent).size === waiting)
    await recovery.stop()
    await prisma.$executeRaw`DELETE FROM operation WHERE status = 'QUEUED'`
  })
})
