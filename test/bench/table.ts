import type { Cell } from './cells.ts'
import type { Figures } from './figures.ts'
import { type PerTarget, targetNames } from './targets.ts'

export interface CellFigures {
  cell: Cell
  figures: PerTarget<Figures>
}

interface Row {
  title: string
  /** Of a target, beside the client that asks the provider itself. */
  read: (figures: Figures, direct: Figures) => number | null
}

const MiB = 1024 * 1024
const columns = ['figure', 'cell', ...targetNames, 'gateway ÷ raw', 'gateway ÷ plain'] as const
const wordColumns = 2

const rows: readonly Row[] = [
  { title: 'CPU per operation, ms', read: ({ cpuMs }) => cpuMs },
  { title: 'latency, ms', read: ({ latencyMs }) => latencyMs },
  {
    title: 'added latency, ms',
    read: (figures, direct) => (figures === direct ? null : figures.latencyMs - direct.latencyMs),
  },
  { title: 'first partial image, ms', read: ({ firstPartialMs }) => firstPartialMs },
  { title: 'peak RSS, MiB', read: ({ peakRssBytes }) => peakRssBytes && peakRssBytes / MiB },
  { title: 'event-loop delay p99, ms', read: ({ loopDelayMs }) => loopDelayMs },
  { title: 'statements per operation', read: ({ statements }) => statements },
]

/** A table of Markdown: one row for each figure of each cell. */
export function printTable(cells: readonly CellFigures[]): string {
  const lines = rows.flatMap((row) => cells.flatMap((cell) => printRow(row, cell)))
  const widths = columns.map((name, index) =>
    Math.max(...[name, ...lines.map((line) => line[index] ?? '')].map(({ length }) => length)),
  )
  const print = (line: readonly string[]) =>
    `| ${line.map((text, index) => pad(text, widths, index)).join(' | ')} |`
  const rule = widths.map((width, index) =>
    index < wordColumns ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  return `${[columns, rule, ...lines].map(print).join('\n')}\n`
}

function pad(text: string, widths: readonly number[], index: number): string {
  const width = widths[index] ?? 0
  return index < wordColumns ? text.padEnd(width) : text.padStart(width)
}

/** None where no target has the figure. */
function printRow({ title, read }: Row, { cell, figures }: CellFigures): string[][] {
  const values = targetNames.map((name) => read(figures[name], figures.direct))
  if (values.every((value) => value === null)) return []
  const [, raw, plain, gateway] = values
  const ratios = [raw, plain].map((other) => divide(gateway, other))
  return [[title, cell.name, ...[...values, ...ratios].map(printNumber)]]
}

/** What is added may be less than nothing, by chance: such a ratio means nothing. */
function divide(one: number | null | undefined, other: number | null | undefined): number | null {
  return one && other && one > 0 && other > 0 ? one / other : null
}

function printNumber(value: number | null): string {
  if (value === null) return '-'
  const size = Math.abs(value)
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0)
}
