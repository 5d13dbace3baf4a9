import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { filledDatabase, urlOf } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the one PostgreSQL server for all test files; null where PostgreSQL is not installed. */
    postgresUrl: string | null
  }
}

/** Whether there is a server for all test files. */
export const isPostgresHere = (): boolean => inject('postgresUrl') !== null

/**
 * The URL of a database of this test's own, filled as the first start of a gateway leaves it. The server is everybody's:
 * whoever breaks it, or stops it, starts one of its own. It goes with the server.
 */
export async function createPostgresDatabase({ isEmpty = false } = {}): Promise<string> {
  const url = inject('postgresUrl')
  if (!url) throw new Error('There is no PostgreSQL server here')
  const name = `test-${randomUUID()}`
  const client = new pg.Client(url)
  await client.connect()
  await client.query(`CREATE DATABASE "${name}" TEMPLATE ${isEmpty ? 'template0' : filledDatabase}`)
  await client.end()
  return urlOf(url, name)
}
