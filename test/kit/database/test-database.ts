import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { Database } from '../../../src/database/database.ts'
import { connectEmbedded } from '../../../src/database/embedded-database.ts'
import { copyPreparedFolder } from './prepared-embedded.ts'

/** A real, empty, migrated PostgreSQL in this process. Close it in `afterAll`. */
export async function createTestDatabase(): Promise<Database> {
  return connectEmbedded(await createTestPglite(), {
    onError: (error) => {
      throw error
    },
  })
}

/** What such a database is made of, for whoever connects to it otherwise. To close it is to remove it. */
export async function createTestPglite(): Promise<PGlite> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-database-'))
  await copyPreparedFolder(folder)
  const pglite = await PGlite.create({ dataDir: join(folder, 'postgres') })
  const close = pglite.close.bind(pglite)
  pglite.close = async () => {
    await close()
    await rm(folder, { recursive: true, force: true })
  }
  return pglite
}
