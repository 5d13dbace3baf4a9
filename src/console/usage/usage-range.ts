import type { UsageDimension } from '../generated/graphql.ts'

export type RangeId = 'day' | 'week' | 'month' | 'quarter' | 'year'
export type Bucket = Extract<UsageDimension, 'HOUR' | 'DAY' | 'MONTH'>

export interface UsageRange {
  from: string
  to: string
  bucket: Bucket
  /** The start of every bucket, also of those without usage. */
  starts: string[]
}

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

export const rangeChoices: { id: RangeId; label: string }[] = [
  { id: 'day', label: '24 hours' },
  { id: 'week', label: '7 days' },
  { id: 'month', label: '30 days' },
  { id: 'quarter', label: '90 days' },
  { id: 'year', label: '12 months' },
]

/** Whole hours, days or months in UTC, as the gateway counts them; the last one is the running one. */
export function rangeOf(id: RangeId, now: Date): UsageRange {
  if (id === 'year') return monthsUntil(now)
  const bucket = id === 'day' ? 'HOUR' : 'DAY'
  const stepMs = id === 'day' ? hourMs : dayMs
  const count = { day: 24, week: 7, month: 30, quarter: 90 }[id]
  const end = Math.floor(now.getTime() / stepMs + 1) * stepMs
  const starts = Array.from({ length: count }, (_, at) => new Date(end - (count - at) * stepMs).toISOString())
  return { from: starts[0] ?? now.toISOString(), to: new Date(end).toISOString(), bucket, starts }
}

function monthsUntil(now: Date): UsageRange {
  const month = (offset: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1)).toISOString()
  const starts = Array.from({ length: 12 }, (_, at) => month(at - 11))
  return { from: month(-11), to: month(1), bucket: 'MONTH', starts }
}

export function labelOfStart(start: string, bucket: Bucket): string {
  const date = new Date(start)
  if (bucket === 'HOUR') return `${String(date.getUTCHours()).padStart(2, '0')}:00`
  const options: Intl.DateTimeFormatOptions =
    bucket === 'DAY' ? { month: 'short', day: 'numeric' } : { month: 'short', year: '2-digit' }
  return new Intl.DateTimeFormat('en', { ...options, timeZone: 'UTC' }).format(date)
}
