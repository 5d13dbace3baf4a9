import { join } from 'node:path'
import { pino } from 'pino'
import { v7 as newId } from 'uuid'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { createOperationQueue, type OperationQueue } from '../../src/database/queue.ts'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { createImages } from '../../src/images/images.ts'
import { cancelled } from '../../src/operations/operation-error.ts'
import { createLeases, type Lease, type LeasesOptions } from '../../src/operations/run/operation-lease.ts'
import { createAttempts } from '../../src/operations/transitions/attempts.ts'
import { createFinish } from '../../src/operations/transitions/finish-operation.ts'
import { createProgress } from '../../src/operations/transitions/progress.ts'
import { LeaseLost } from '../../src/operations/transitions/statement.ts'
import { createUsage } from '../../src/usage/usage.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'
import { reserve } from '../kit/rooms/reserve.ts'
import { until } from '../kit/until.ts'

let database: Database
let queue: OperationQueue
let uptime = 0
const now = () => new Date()

beforeAll(async () => {
  database = await createTestDatabase()
  queue = createOperationQueue(database.boss)
  await queue.start({ concurrency: 1, work: async () => {} })
  await database.prisma.user.create({ data: { id: userId, name: 'Ada' } })
})
afterAll(async () => {
  await queue.stop(1_000)
  await database.close()
})

const userId = newId()
const longMs = 60_000
const never = new AbortController().signal
const choice = { provider: 'one', model: 'm' }
const told = { ...choice, isTold: true }

function createParts(some: Partial<LeasesOptions> = {}) {
  const { prisma } = database
  const usage = createUsage({ prisma, now, newId })
  const folder = join('/nonexistent')
  const images = createImages({
    prisma,
    storage: createFileStorage({ folder, newId }),
    stagingDir: folder,
    cacheDir: folder,
    publicUrl: 'http://127.0.0.1',
    signingKeys: [{ id: 'k', secret: 'a-secret-of-this-test' }],
    limits: defaultLimits.images,
    now,
    newId,
  })
  const log = pino({ level: 'silent' })
  return {
    usage,
    leases: createLeases({ database, owner: 'me', leaseMs: longMs, uptimeMs: () => uptime, ...some }),
    attempts: createAttempts({ database, newId, now }),
    progress: createProgress({ database, queue, now }),
    finish: createFinish({ database, images, usage, newId, now, log, failpoint: () => {} }),
  }
}

type Parts = ReturnType<typeof createParts>

/** An operation, the lease of somebody who was replaced, and the one who replaced him. */
async function replaceOwner(parts: Parts) {
  const id = newId()
  const at = now()
  await database.prisma.$transaction(async (tx) => {
    const times = { createdAt: at, modifiedAt: at, deadlineAt: new Date(at.getTime() + 60_000) }
    await tx.operation.create({
      data: { id, kind: 'GENERATE', userId, fingerprint: '', input: {}, ...choice, ...times },
    })
    await reserve(tx, parts.usage, { operationId: id, userId, at, tokens: 5, costMicros: 0 })
  })
  const stale = await claim(parts, id)
  const attempt = await parts.attempts.prepare(stale, told)
  // The first owner is alive, and would only be asked to renew.
  await database.prisma.operation.update({ where: { id }, data: { leaseUntil: null, leaseOwner: null } })
  return { id, stale, attempt, held: await claim(parts, id) }
}

async function claim({ leases }: Parts, id: string): Promise<Lease> {
  const claimed = await leases.claim(id, never)
  if (!claimed) throw new Error('The operation is not free')
  return claimed.lease
}

describe('whoever was replaced', () => {
  test('moves nothing along', async () => {
    const parts = createParts()
    const { id, stale, attempt, held } = await replaceOwner(parts)
    const operation = await database.prisma.operation.findUniqueOrThrow({ where: { id } })
    const outcome = { status: 'FAILED', failure: cancelled, paid: false } as const
    const facts = { httpStatus: 200, upstreamRequestId: null, spoolId: 'spool' }
    const writes: [string, () => Promise<unknown>][] = [
      ['prepare', () => parts.attempts.prepare(stale, told)],
      ['markSent', () => parts.attempts.markSent(stale, attempt.id, 'spool')],
      ['markResponded', () => parts.attempts.markResponded(stale, attempt.id, facts)],
      ['enter', () => parts.progress.enter(stale, 'CALLING_PROVIDER')],
      ['putOff', () => parts.progress.putOff(stale, 0)],
      ['putOffSilently', () => parts.progress.putOffSilently(stale, 0)],
      ['finish', () => parts.finish.finish({ operation, epoch: stale.epoch, outcome })],
    ]
    for (const [name, write] of writes) {
      const state = name === 'markResponded' ? 'SENT' : 'PREPARED'
      await database.prisma.attempt.update({ where: { id: attempt.id }, data: { state } })
      await expect(write(), name).rejects.toThrow(LeaseLost)
    }
    await parts.attempts.abandon(stale, attempt.id)
    await stale.release()
    const after = await database.prisma.operation.findUniqueOrThrow({
      where: { id },
      include: { attempts: true },
    })
    expect(after).toMatchObject({ status: 'RUNNING', leaseEpoch: 2, leaseOwner: 'me', finishedAt: null })
    expect(after.attempts).toMatchObject([{ state: 'PREPARED' }])
    await held.release()
  })

  test('knows by its own clock that it may have been, without asking', async () => {
    const parts = createParts()
    const { stale, held } = await replaceOwner(parts)
    expect(() => held.assertHeld()).not.toThrow()
    uptime += longMs
    expect(() => stale.assertHeld()).toThrow(LeaseLost)
    await Promise.all([stale.release(), held.release()])
  })
})

describe('a lease', () => {
  test('keeps everybody else out until it is released', async () => {
    const parts = createParts()
    const { id, stale, held } = await replaceOwner(parts)
    expect(await parts.leases.claim(id, never)).toBeNull()
    await stale.release()
    expect(await parts.leases.claim(id, never)).toBeNull()
    await held.release()
    const next = await claim(parts, id)
    expect(next.epoch).toBe(3)
    await next.release()
  })

  test('lets nothing be sent for an operation that somebody asked to cancel', async () => {
    const parts = createParts()
    const { id, held } = await replaceOwner(parts)
    const attempt = await parts.attempts.prepare(held, told)
    await database.prisma.operation.update({ where: { id }, data: { cancelRequestedAt: now() } })
    await expect(parts.attempts.markSent(held, attempt.id, 'spool')).rejects.toThrow(LeaseLost)
    await held.release()
  })
})

describe('a lease that has passed', () => {
  const pass = (id: string) =>
    database.prisma.operation.update({
      where: { id },
      data: { status: 'RUNNING', leaseOwner: 'somebody', leaseUntil: new Date(0), leaseEpoch: 7 },
    })

  const isRenewed = async (id: string) => {
    const { leaseUntil } = await database.prisma.operation.findUniqueOrThrow({ where: { id } })
    return (leaseUntil?.getTime() ?? 0) > 0
  }

  test('is renewed by an owner that lives, and nobody takes its operation meanwhile', async () => {
    // The heart of the owner is a timer: it beats in the time for which it is waited, and in no other.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const parts = createParts()
    const { id, stale, held } = await replaceOwner(parts)
    await stale.release()
    // As when the database was away, or its clock has jumped.
    await database.prisma.operation.update({ where: { id }, data: { leaseUntil: new Date(0) } })
    const waits: number[] = []
    const pause = async (ms: number) => {
      waits.push(ms)
      vi.advanceTimersByTime(ms)
      await until(() => isRenewed(id))
    }
    expect(await createParts({ pause }).leases.claim(id, never)).toBeNull()
    expect(waits).toHaveLength(1)
    expect(held.signal.aborted).toBe(false)
    await parts.progress.enter(held, 'CALLING_PROVIDER')
    await held.release()
  })

  test('of an owner that died is taken over after a while, and counted', async () => {
    const parts = createParts({ leaseMs: 600 })
    const { id, stale, held } = await replaceOwner(parts)
    await Promise.all([stale.release(), held.release()])
    await pass(id)
    const next = await claim(parts, id)
    expect(next).toMatchObject({ epoch: 8, deadOwners: 1 })
    await next.release()
  })

  test('is not waited for by a process that stops', async () => {
    const parts = createParts()
    const { id, stale, held } = await replaceOwner(parts)
    await Promise.all([stale.release(), held.release()])
    await pass(id)
    const stop = new AbortController()
    const claiming = parts.leases.claim(id, stop.signal)
    stop.abort(new Error('it stops'))
    await expect(claiming).rejects.toThrow()
  })
})
