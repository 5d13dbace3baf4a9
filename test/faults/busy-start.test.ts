import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accepted, ended } from '../kit/client/operation-client.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { openTestBed, type TestBed } from '../kit/gateway/test-bed.ts'
import { until } from '../kit/until.ts'

describe.skipIf(!findPostgres())('a replica that starts while the queue is busy', () => {
  let bed: TestBed
  let holder: pg.Client

  beforeAll(async () => {
    bed = await openTestBed({ database: 'server', databaseTimeouts: { lockMs: 500 } })
    holder = new pg.Client(bed.databaseUrl ?? '')
    await holder.connect()
  })
  afterAll(async () => {
    await holder.end()
    await bed.close()
  })

  test('listens at once, is ready once the queue is, and never ends by itself', async () => {
    expect(await bed.gateway.end('SIGTERM')).toEqual({ code: 0, signal: null })
    await holder.query('BEGIN; LOCK TABLE pgboss.queue, pgboss.version IN ACCESS EXCLUSIVE MODE')
    const gateway = await bed.start()
    const readiness = await fetch(`${gateway.url}/readyz`)
    expect(readiness.status).toBe(503)
    expect(await readiness.text()).toContain('the queue of operations')
    // Longer than the server's limit for a lock: the first try has failed.
    await gateway.untilLogged('a part of the work cannot be started: trying again')
    const id = accepted(gateway, { prompt: 'a barge that waits' })
    await holder.query('COMMIT')
    expect(await ended(gateway, await id)).toMatchObject({ status: 'SUCCEEDED' })
    await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200)
    await bed.check()
  })
})
