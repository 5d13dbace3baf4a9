import { openDatabase } from '../../../src/database/open-database.ts'
import { eraseTraces } from './prepared-traces.ts'

/** Fills a database of a PostgreSQL server as the first start of a gateway does. */
export async function fillDatabase(url: string): Promise<void> {
  const database = await openDatabase({
    kind: 'server',
    url,
    poolSize: 1,
    queuePoolSize: 1,
    onError: (error) => {
      throw error
    },
  })
  await database.boss.start()
  await database.boss.stop({ graceful: false })
  await eraseTraces(database.prisma)
  await database.close()
}
