import { PGlite } from '@electric-sql/pglite'
import { dataDir as prepopulatedFolder } from '@electric-sql/pglite-prepopulatedfs'
import type { Database } from '../../src/database/database.ts'
import { connectEmbedded } from '../../src/database/embedded-database.ts'

/** A real, empty, migrated PostgreSQL in this process. Close it in `afterAll`. */
export async function createTestDatabase(): Promise<Database> {
  const pglite = await PGlite.create({ loadDataDir: await prepopulatedFolder() })
  return connectEmbedded(pglite, {
    onError: (error) => {
      throw error
    },
  })
}
