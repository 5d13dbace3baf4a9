import { tokenKeys } from '../catalogue/tokens.ts'
import type { ReportRequest } from './report-request.ts'
import type { UsageReport, UsageRow } from './usage-report.ts'

type Cell = string | bigint | number | null

const dimensions = [
  ['start', (row: UsageRow) => row.start?.toISOString() ?? null],
  ['userId', (row: UsageRow) => row.userId],
  ['endUser', (row: UsageRow) => row.endUser],
  ['provider', (row: UsageRow) => row.provider],
  ['model', (row: UsageRow) => row.model],
  ['kind', (row: UsageRow) => row.kind],
] as const

const figures = ['operations', 'images', ...tokenKeys, 'estimatedShare'] as const

/** A report as RFC 4180 lines: a header, the rows (or the total where nothing is grouped by). */
export async function* streamCsv(
  readReport: (request: ReportRequest) => Promise<UsageReport>,
  request: ReportRequest,
): AsyncGenerator<string> {
  const { rows, total } = await readReport(request)
  const currencies = total.costs.map((cost) => cost.currency)
  yield line([...dimensions.map(([name]) => name), ...figures, ...currencies.map((name) => `cost ${name}`)])
  for (const row of request.groupBy.length > 0 ? rows : [total]) {
    yield line([
      ...dimensions.map(([, read]) => read(row)),
      ...figures.map((name) => row[name]),
      ...currencies.map((currency) => costIn(row, currency)),
    ])
  }
}

function costIn({ costs }: UsageRow, currency: string): string {
  const micros = costs.find((cost) => cost.currency === currency)?.amountMicros ?? 0n
  return `${micros / 1_000_000n}.${String(micros % 1_000_000n).padStart(6, '0')}`
}

function line(cells: Cell[]): string {
  return `${cells.map(toCell).join(',')}\r\n`
}

/** A spreadsheet runs cells that begin like a formula, also behind a tab or a line break (OWASP, CSV injection). */
function toCell(cell: Cell): string {
  if (cell === null) return ''
  const text = String(cell)
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
