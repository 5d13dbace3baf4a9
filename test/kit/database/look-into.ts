import type { Database } from '../../../src/database/database.ts'
import { openDatabase } from '../../../src/database/open-database.ts'

/** Looks into a database that no gateway has open, or that a server shares. */
export async function lookInto<T>(
  where: { folder: string } | { url: string },
  look: (database: Database) => Promise<T>,
): Promise<T> {
  const onError = () => {}
  const database = await openDatabase(
    'url' in where
      ? { kind: 'server', url: where.url, poolSize: 4, queuePoolSize: 2, onError }
      : { kind: 'embedded', folder: where.folder, onError },
  )
  try {
    return await look(database)
  } finally {
    await database.close()
  }
}
