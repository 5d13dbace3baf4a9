import pg from 'pg'
import { v7 as newId } from 'uuid'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { createLeases } from '../../src/operations/run/operation-lease.ts'
import { LeaseLost } from '../../src/operations/transitions/statement.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { createPostgresDatabase } from '../kit/database/postgres-database.ts'
import { until } from '../kit/until.ts'

let database: Database
let holder: pg.Client
const statements: string[] = []
const userId = newId()
const leaseMs = 60_000
const never = new AbortController().signal

describe.skipIf(!findPostgres())('the leases of a process', () => {
  beforeAll(async () => {
    const url = await createPostgresDatabase()
    const where = { kind: 'server', url, poolSize: 4, queuePoolSize: 1 } as const
    database = await openDatabase({ ...where, onError: () => {}, onQuery: (sql) => statements.push(sql) })
    await database.prisma.user.create({ data: { id: userId, name: 'Ada' } })
    holder = new pg.Client(url)
    await holder.connect()
  })
  // The heartbeat is a timer: it beats when the test says so.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())
  afterAll(async () => {
    await holder.end()
    await database.close()
  })

  const accept = async () => {
    const id = newId()
    const at = new Date()
    const times = { createdAt: at, modifiedAt: at, deadlineAt: new Date(at.getTime() + 60_000) }
    const data = {
      id,
      kind: 'GENERATE',
      userId,
      fingerprint: '',
      input: {},
      provider: 'p',
      model: 'm',
    } as const
    await database.prisma.operation.create({ data: { ...data, ...times } })
    return id
  }
  const claimed = async (owner: string, count: number) => {
    const leases = createLeases({ database, owner, leaseMs, uptimeMs: () => 0 })
    const ids = await Promise.all(Array.from({ length: count }, accept))
    const held = await Promise.all(ids.map((id) => leases.claim(id, never)))
    return { ids, held: held.flatMap((found) => (found ? [found.lease] : [])) }
  }
  const leaseUntil = async (id: string) =>
    (await database.prisma.operation.findUniqueOrThrow({ where: { id } })).leaseUntil?.getTime() ?? 0
  /** Lets the heart beat until all of them were renewed, and answers how often. */
  const beatUntilRenewed = async (...ids: string[]) => {
    const first = await Promise.all(ids.map(leaseUntil))
    let beats = 0
    await until(async () => {
      vi.advanceTimersByTime(leaseMs / 3)
      beats++
      const now = await Promise.all(ids.map(leaseUntil))
      return now.every((at, index) => at > (first[index] as number))
    })
    return beats
  }

  test('are renewed in one statement, however many they are', async () => {
    const { ids, held } = await claimed('one', 20)
    const before = statements.filter((sql) => sql.includes('renewed')).length
    const beats = await beatUntilRenewed(...ids)
    const renewals = statements.filter((sql) => sql.includes('renewed')).length - before
    expect(renewals).toBeLessThanOrEqual(beats)
    await Promise.all(held.map((lease) => lease.release()))
  })

  test('are renewed although somebody has locked one of their operations, and that one is not lost', async () => {
    const { ids, held } = await claimed('two', 2)
    const [locked = '', free = ''] = ids
    await holder.query('BEGIN')
    await holder.query('SELECT FROM operation WHERE id = $1 FOR UPDATE', [locked])
    await beatUntilRenewed(free)
    await beatUntilRenewed(free)
    await holder.query('ROLLBACK')
    await beatUntilRenewed(locked)
    expect(held.map(({ signal }) => signal.aborted)).toEqual([false, false])
    await Promise.all(held.map((lease) => lease.release()))
  })

  test('are lost where somebody else has the operation', async () => {
    const { ids, held } = await claimed('three', 2)
    await database.prisma.operation.update({ where: { id: ids[0] as string }, data: { leaseEpoch: 9 } })
    await until(() => {
      vi.advanceTimersByTime(leaseMs / 3)
      return held[0]?.signal.aborted === true
    })
    expect(held[0]?.signal.reason).toBeInstanceOf(LeaseLost)
    expect(held[1]?.signal.aborted).toBe(false)
    await Promise.all(held.map((lease) => lease.release()))
  })
})
