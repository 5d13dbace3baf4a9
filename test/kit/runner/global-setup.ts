import type { TestProject } from 'vitest/node'
import { type PostgresServer, startPostgres, urlOf } from '../database/postgres.ts'
import { prepareEmbedded } from '../database/prepared-embedded.ts'

let server: PostgresServer | null

/** Before the first file, so that no two of them make the same. */
export async function setup({ provide }: TestProject): Promise<void> {
  await prepareEmbedded()
  server = await startPostgres()
  provide('postgresUrl', server && urlOf(server.url, 'postgres'))
}

export async function teardown(): Promise<void> {
  await server?.stop()
}
