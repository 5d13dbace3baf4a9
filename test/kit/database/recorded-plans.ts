import type { PGlite, Transaction } from '@electric-sql/pglite'
import type { Database } from '../../../src/database/database.ts'
import { connectEmbedded } from '../../../src/database/embedded-database.ts'
import { createTestPglite } from './test-database.ts'

/** How the database went about one statement, its subqueries flattened. */
export interface RecordedPlan {
  sql: string
  scans: Scan[]
}

export interface Scan {
  type: string
  table: string | null
  index: string | null
  /** Rows that were read for nothing, over all loops. */
  discarded: number
}

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: PlanNode[]
}

type Runner = Pick<PGlite | Transaction, 'query' | 'exec'>
type Query = PGlite['query']

/**
 * A real database that explains every statement that is sent to it before it runs it: the statements of the product
 * itself are looked at, not copies of them. A change is explained in a savepoint that is rolled back.
 */
export async function openExplainingDatabase(): Promise<{
  database: Database
  plans: RecordedPlan[]
  exec(sql: string): Promise<unknown>
}> {
  const pglite = await createTestPglite()
  const plans: RecordedPlan[] = []
  // Migrations begin their transactions by hand.
  let isMigrated = false
  const explaining = new Proxy(pglite, {
    get: (target, name) => {
      if (name === 'query') {
        const query: Query = async (sql, values, options) => {
          if (isMigrated && isExplainable(sql)) {
            await target.transaction(async (tx) => {
              plans.push(await explain(tx, sql, values))
              await tx.rollback()
            })
          }
          return target.query(sql, values, options)
        }
        return query
      }
      if (name === 'transaction') {
        return (work: (tx: Transaction) => Promise<unknown>) =>
          target.transaction((tx) => work(explainingTransaction(tx, plans)))
      }
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  const database = await connectEmbedded(explaining, {
    onError: (error) => {
      throw error
    },
  })
  isMigrated = true
  return { database, plans, exec: (sql) => pglite.exec(sql) }
}

function explainingTransaction(tx: Transaction, plans: RecordedPlan[]): Transaction {
  const query: Query = async (sql, values, options) => {
    if (isExplainable(sql)) {
      await tx.exec('SAVEPOINT explained')
      plans.push(await explain(tx, sql, values))
      await tx.exec('ROLLBACK TO SAVEPOINT explained')
    }
    return tx.query(sql, values, options)
  }
  return new Proxy(tx, {
    get: (target, name) => {
      if (name === 'query') return query
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

/** Of the product's own tables: pg-boss has its own, and keeps no history. */
function isExplainable(sql: string): boolean {
  return /^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql) && !/pgboss|pg_/.test(sql)
}

async function explain(runner: Runner, sql: string, values: unknown[] | undefined): Promise<RecordedPlan> {
  const { rows } = await runner.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`,
    values,
  )
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
  return { sql, scans: plan ? flatten(plan) : [] }
}

function flatten(node: PlanNode): Scan[] {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  const scan = {
    type: node['Node Type'],
    table: node['Relation Name'] ?? null,
    index: node['Index Name'] ?? null,
    discarded: removed * node['Actual Loops'],
  }
  return [scan, ...(node.Plans ?? []).flatMap(flatten)]
}

/** Tables so large that a scan of them is a scan of history. */
const large = [
  'operation',
  'operation_event',
  'attempt',
  'image',
  'operation_source',
  'ledger_entry',
  'usage_record',
]

/** Statements that read more than they are about. */
export function growing(recorded: readonly RecordedPlan[], discarded = 20): string[] {
  return recorded.flatMap(({ sql, scans }) =>
    scans
      .filter((scan) => large.includes(scan.table ?? ''))
      .filter((scan) => scan.type === 'Seq Scan' || scan.discarded > discarded)
      .map((scan) => `${scan.type} of ${scan.table}, ${scan.discarded} rows for nothing: ${sql}`),
  )
}
