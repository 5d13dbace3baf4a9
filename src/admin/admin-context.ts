import type { ExitCode } from './admin-error.ts'
import type { GatewayClient } from './gateway-client.ts'
import { printJson, printTable } from './table.ts'

/** The parts that a command works with. */
export interface AdminContext {
  gateway: GatewayClient
  json: boolean
  now: () => Date
  write(text: string): void
}

/** A command that succeeds returns nothing. */
export type AdminAction<Args extends unknown[]> = (
  context: AdminContext,
  ...args: Args
) => Promise<ExitCode | undefined>

export interface Listing<Row> {
  rows: readonly Row[]
  columns: Record<string, (row: Row) => string | number | null>
}

/** The same facts, for people or for scripts. */
export function showList<Row>({ json, write }: AdminContext, { rows, columns }: Listing<Row>): void {
  const reads = Object.values(columns)
  const cells = rows.map((row) => reads.map((read) => read(row)))
  write(json ? printJson(rows) : printTable(Object.keys(columns), cells))
}

export function show({ json, write }: AdminContext, facts: object, sentence: string): void {
  write(json ? printJson(facts) : `${sentence}\n`)
}
