import { execFile } from 'node:child_process'
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findPostgres } from '../kit/database/postgres.ts'
import { createPostgresDatabase } from '../kit/database/postgres-database.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'

/*
 * The README's way of backup and restore, with the tools of PostgreSQL: what was made after the backup is lost to the
 * database, but its bytes stay until somebody has had the time to notice that it was the wrong backup.
 */

const run = promisify(execFile)
const programs = findPostgres()

let folder: string

beforeAll(async () => {
  folder = await makeFolder()
})
afterAll(async () => {
  await removeFolder(folder)
})

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const call = (program: string, ...more: string[]) => run(join(programs ?? '', program), more)

/** A gateway that sweeps the storage at its start, as if the last time were two days ago. */
async function startGateway(url: string): Promise<TestGateway> {
  const isOld = (await query(url, `SELECT FROM pg_tables WHERE tablename = 'storage_owner'`)).length > 0
  if (isOld) await query(url, `UPDATE storage_owner SET swept_at = swept_at - interval '2 days'`)
  const gateway = await startTestGateway({ folder, databaseUrl: url })
  await until(() => gateway.logged.some(({ msg }) => msg === 'swept the storage of images'))
  return gateway
}

interface Edit {
  generateImage: { id: string }
}
interface Read {
  operation: { done: boolean; response: { data: { url: string }[] } | null } | null
}

async function generate(gateway: TestGateway): Promise<string> {
  const made = await gateway.graphql<Edit>('mutation { generateImage(input: { prompt: "a rose" }) { id } }')
  const { id } = made.data.generateImage
  await until(async () => (await read(gateway, id))?.done === true)
  return id
}

const read = async (gateway: TestGateway, id: string) => {
  const document = `query ($id: ID!) { operation(id: $id) { done response { data { url } } } }`
  return (await gateway.graphql<Read>(document, { id })).data.operation
}

async function listImages(): Promise<string[]> {
  const entries = await readdir(join(folder, 'images'), { recursive: true })
  return entries.filter((name) => name.endsWith('.png')).sort()
}

describe.skipIf(!programs)('a database that is restored from a backup', () => {
  test('serves what it knows, and the sweep leaves what was made after the backup', async () => {
    const database = await createPostgresDatabase()
    const first = await startGateway(database)
    const known = await generate(first)
    await first.close()
    await call('pg_dump', '--format=custom', `--file=${join(folder, 'backup')}`, database)

    const later = await startGateway(database)
    await generate(later)
    await later.close()
    const images = await listImages()
    expect(images).toHaveLength(2)
    // So old that only the restore keeps them.
    const at = new Date(Date.now() - 100 * 24 * 3_600_000)
    for (const name of images) await utimes(join(folder, 'images', name), at, at)

    const other = await createPostgresDatabase({ isEmpty: true })
    await call('pg_restore', `--dbname=${other}`, join(folder, 'backup'))
    const restored = await startGateway(other)
    const swept = restored.logged.find(({ msg }) => msg === 'swept the storage of images')
    expect(swept).toMatchObject({ objects: { named: 1, quarantined: 1, dead: 0 } })
    expect(restored.logged.filter(({ level }) => level === 40).map(({ msg }) => msg)).toEqual([
      expect.stringContaining('it was restored from a backup'),
    ])
    const url = (await read(restored, known))?.response?.data[0]?.url ?? ''
    expect((await fetch(url)).status).toBe(200)
    expect(await listImages()).toEqual(images)
    await restored.close()
  })
})
