import { type PGlite, messages as protocol } from '@electric-sql/pglite'
import type { Database } from '../../../src/database/database.ts'
import { interceptStatements, type Sent } from './sent-statements.ts'
import { connectPglite, createTestPglite } from './test-database.ts'

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
  interceptStatements(pglite, async (sent) => {
    if (!isMigrated || !isExplainable(sent.sql)) return
    // One that fails does so again when it is run.
    await explainAside(pglite, sent).then(
      (plan) => plans.push(plan),
      () => {},
    )
  })
  const database = await connectPglite(pglite)
  isMigrated = true
  return { database, plans, exec: (sql) => pglite.exec(sql) }
}

async function explainAside(pglite: PGlite, sent: Sent): Promise<RecordedPlan> {
  const [begin, undo] = pglite.isInTransaction()
    ? ['SAVEPOINT explained', 'ROLLBACK TO SAVEPOINT explained']
    : ['BEGIN', 'ROLLBACK']
  await pglite.exec(begin)
  try {
    return await explain(pglite, sent)
  } finally {
    await pglite.exec(undo)
  }
}

/** Of the product's own tables: pg-boss has its own, and keeps no history. */
function isExplainable(sql: string): boolean {
  return /^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql) && !/pgboss|pg_/.test(sql)
}

async function explain(pglite: PGlite, { sql, withSql }: Sent): Promise<RecordedPlan> {
  const { messages } = await pglite.execProtocol(withSql(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`))
  const row = messages.find((message) => message instanceof protocol.DataRowMessage)
  const [explained] = JSON.parse(row?.fields[0] ?? '[]') as { Plan: PlanNode }[]
  return { sql, scans: explained ? flatten(explained.Plan) : [] }
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
