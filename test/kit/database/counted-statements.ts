import type { PGlite, Transaction } from '@electric-sql/pglite'
import type { Database } from '../../../src/database/database.ts'
import { connectEmbedded } from '../../../src/database/embedded-database.ts'
import { createTestPglite } from './test-database.ts'

/** A real database that writes down every statement that is sent to it, those of the queue and BEGIN and COMMIT too. */
export async function openCountingDatabase(): Promise<{ database: Database; statements: string[] }> {
  const pglite = await createTestPglite()
  const statements: string[] = []
  const counting = new Proxy(pglite, {
    get: (target, name) => {
      if (name === 'query' || name === 'exec') return noting(target, name, statements)
      if (name === 'transaction') {
        return async (work: (tx: Transaction) => Promise<unknown>) => {
          statements.push('BEGIN')
          const result = await target.transaction((tx) => work(notingTransaction(tx, statements)))
          statements.push('COMMIT')
          return result
        }
      }
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  const database = await connectEmbedded(counting, {
    onError: (error) => {
      throw error
    },
  })
  statements.length = 0
  return { database, statements }
}

function notingTransaction(tx: Transaction, statements: string[]): Transaction {
  return new Proxy(tx, {
    get: (target, name) => {
      if (name === 'query' || name === 'exec') return noting(target, name, statements)
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

function noting(target: PGlite | Transaction, name: 'query' | 'exec', statements: string[]) {
  return (sql: string, ...rest: unknown[]) => {
    statements.push(sql.replace(/\s+/g, ' ').trim())
    return Reflect.apply(target[name], target, [sql, ...rest])
  }
}
