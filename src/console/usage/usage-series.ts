import { formatCount, formatMoney } from '../controls/format.ts'
import type { UsageDimension, UsageRowsQuery, UsageSumsFragment } from '../generated/graphql.ts'
import { kindLabels } from '../operations/operation-text.ts'
import { labelOfStart, type UsageRange } from './usage-range.ts'

export type UsageRow = UsageRowsQuery['usage']['rows'][number]
export type Breakdown = Extract<UsageDimension, 'USER' | 'MODEL' | 'PROVIDER' | 'KIND' | 'END_USER'>
export type Measure = 'money' | 'tokens' | 'images'

/** One colour of the stacks, with its sum over the whole time. */
export interface UsageSeries {
  id: string
  label: string
  sums: { operations: number; images: number; inputTokens: bigint; outputTokens: bigint; micros: bigint }
}

export interface UsageBucket {
  label: string
  /** By the id of the series. */
  [seriesId: string]: number | string
}

const maxSeries = 7
const othersId = 'others'

/** The data of a chart of stacked bars. The largest series come first; those without a colour are added up. */
export function buildSeries(rows: readonly UsageRow[], by: Breakdown, measure: Measure): UsageSeries[] {
  const series = new Map<string, UsageSeries>()
  for (const row of rows) {
    const { id, label } = seriesOf(row, by)
    const known = series.get(id) ?? {
      id,
      label,
      sums: { operations: 0, images: 0, inputTokens: 0n, outputTokens: 0n, micros: 0n },
    }
    known.sums.operations += row.operations
    known.sums.images += row.images
    known.sums.inputTokens += BigInt(row.inputTokens)
    known.sums.outputTokens += BigInt(row.outputTokens)
    known.sums.micros += BigInt(row.cost.amountMicros)
    series.set(id, known)
  }
  return [...series.values()].toSorted((a, b) => measured(b, measure) - measured(a, measure))
}

function measured({ sums }: UsageSeries, measure: Measure): number {
  if (measure === 'money') return Number(sums.micros)
  return measure === 'images' ? sums.images : Number(sums.inputTokens + sums.outputTokens)
}

/** The series that get a colour. */
export function coloured(series: readonly UsageSeries[]): { id: string; label: string }[] {
  if (series.length <= maxSeries) return [...series]
  return [
    ...series.slice(0, maxSeries - 1),
    { id: othersId, label: `${series.length - maxSeries + 1} others` },
  ]
}

interface BucketOptions {
  rows: readonly UsageRow[]
  by: Breakdown
  measure: Measure
  range: UsageRange
  shown: readonly { id: string }[]
}

export function buildBuckets({ rows, by, measure, range, shown }: BucketOptions): UsageBucket[] {
  const buckets = new Map<number, UsageBucket>()
  for (const start of range.starts)
    buckets.set(Date.parse(start), { label: labelOfStart(start, range.bucket, range.timeZone) })
  const ids = new Set(shown.map(({ id }) => id))
  for (const row of rows) {
    const bucket = row.start ? buckets.get(Date.parse(row.start)) : undefined
    if (!bucket) continue
    const { id } = seriesOf(row, by)
    const place = ids.has(id) ? id : othersId
    bucket[place] = Number(bucket[place] ?? 0) + amountOf(row, measure)
  }
  return [...buckets.values()]
}

export function amountOf(row: UsageSumsFragment, measure: Measure): number {
  if (measure === 'money') return Number(row.cost.amountMicros) / 1_000_000
  return measure === 'images' ? row.images : Number(row.totalTokens)
}

export function formatMeasure(value: number, measure: Measure, currency: string): string {
  if (measure === 'money')
    return formatMoney({ amountMicros: String(Math.round(value * 1_000_000)), currency })
  return formatCount(Math.round(value))
}

function seriesOf(row: UsageRow, by: Breakdown): { id: string; label: string } {
  switch (by) {
    case 'USER':
      return { id: `s-${row.user?.id ?? ''}`, label: row.user?.name ?? 'Unknown' }
    case 'KIND':
      return { id: `s-${row.kind}`, label: row.kind ? kindLabels[row.kind] : 'Unknown' }
    case 'MODEL':
      return { id: `s-${row.model}`, label: row.model ?? 'Unknown' }
    case 'PROVIDER':
      return { id: `s-${row.provider}`, label: row.provider ?? 'Unknown' }
    case 'END_USER':
      return { id: `s-${row.endUser ?? ''}`, label: row.endUser ?? 'Not named' }
  }
}
