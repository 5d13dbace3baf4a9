import type { Database } from '../../../src/database/database.ts'
import { interceptStatements } from './sent-statements.ts'
import { connectPglite, createTestPglite } from './test-database.ts'

/** A real database that writes down every statement that is sent to it, those of the queue and BEGIN and COMMIT too. */
export async function openCountingDatabase(): Promise<{ database: Database; statements: string[] }> {
  const pglite = await createTestPglite()
  const statements: string[] = []
  interceptStatements(pglite, ({ sql }) => void statements.push(sql.replace(/\s+/g, ' ').trim()))
  const database = await connectPglite(pglite)
  statements.length = 0
  return { database, statements }
}
