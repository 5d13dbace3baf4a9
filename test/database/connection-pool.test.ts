import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  createConnectionPool,
  type DatabaseTimeouts,
  databaseTimeouts,
} from '../../src/database/connection-pool.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { createPostgresDatabase } from '../kit/database/postgres-database.ts'

let url: string
let pool: pg.Pool
let holder: pg.Client

describe.skipIf(!findPostgres())('the connections to a PostgreSQL server', () => {
  beforeAll(async () => {
    url = await createPostgresDatabase({ isEmpty: true })
    holder = new pg.Client(url)
    await holder.connect()
    await holder.query('CREATE TABLE account (id int PRIMARY KEY, amount int)')
    await holder.query('INSERT INTO account VALUES (1, 0), (2, 0)')
  })
  afterEach(async () => {
    vi.useRealTimers()
    await holder.query('ROLLBACK')
    await pool.end()
  })
  afterAll(async () => {
    await holder.end()
  })

  const open = (timeouts: Partial<DatabaseTimeouts>) => {
    pool = createConnectionPool({
      connection: { connectionString: url },
      size: 1,
      timeouts: { ...databaseTimeouts, ...timeouts },
      onError: () => {},
    })
  }
  const processId = async () =>
    (await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
  const lockAccount = async () => {
    await holder.query('BEGIN')
    await holder.query('SELECT FROM account WHERE id = 1 FOR UPDATE')
  }
  const pay = 'UPDATE account SET amount = amount + 1 WHERE id = 1'

  test('are given up where the server does not answer, and whoever comes next commits nothing of theirs', async () => {
    const queryMs = 60_000
    open({ lockMs: 0, statementMs: 0, queryMs })
    const first = await processId()
    await lockAccount()
    const client = await pool.connect()
    await client.query('BEGIN')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    for (const statement of [pay, 'ROLLBACK']) {
      const asked = client.query(statement)
      vi.advanceTimersByTime(queryMs)
      await expect(asked).rejects.toThrow('Query read timeout')
    }
    vi.useRealTimers()
    client.release()
    const next = await pool.connect()
    await next.query('BEGIN')
    await next.query('UPDATE account SET amount = 10 WHERE id = 2')
    await holder.query('ROLLBACK')
    await next.query('COMMIT')
    next.release()
    expect(await processId()).not.toBe(first)
    const { rows } = await holder.query('SELECT id, amount FROM account ORDER BY id')
    expect(rows).toEqual([
      { id: 1, amount: 0 },
      { id: 2, amount: 10 },
    ])
  })

  test('come back to the pool only outside a transaction', async () => {
    open({})
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query(pay)
    client.release()
    const next = await pool.connect()
    await next.query('COMMIT')
    next.release()
    const { rows } = await holder.query('SELECT amount FROM account WHERE id = 1')
    expect(rows).toEqual([{ amount: 0 }])
  })

  test('are kept when the server refuses a statement, and closed when it refuses the connection', async () => {
    open({})
    const first = await processId()
    const raise = (code: string) =>
      pool.query(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$`)
    await expect(raise('EB001')).rejects.toMatchObject({ code: 'EB001' })
    await expect(pool.query('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' })
    expect(await processId()).toBe(first)
    await expect(raise('57P01')).rejects.toMatchObject({ code: '57P01' })
    expect(await processId()).not.toBe(first)
  })

  test('end no process when they break between two owners', async () => {
    open({})
    const client = await pool.connect()
    expect(() => client.emit('error', new Error('terminating connection'))).not.toThrow()
    client.release()
  })

  test('hear from the server when a lock or a statement takes too long, and go on being used', async () => {
    open({ lockMs: 200, statementMs: 1_000 })
    const first = await processId()
    await lockAccount()
    const client = await pool.connect()
    await client.query('BEGIN')
    await expect(client.query(pay)).rejects.toMatchObject({ code: '55P03' })
    await client.query('ROLLBACK')
    await expect(client.query('SELECT pg_sleep(60)')).rejects.toMatchObject({ code: '57014' })
    client.release()
    expect(await processId()).toBe(first)
  })
})
