import { type Calendar, createCalendar, isTimeZone, monthOf } from '../../calendar.ts'
import type { UsageDimension } from '../generated/graphql.ts'

export type RangeId = 'day' | 'week' | 'month' | 'quarter' | 'year'
export type Bucket = Extract<UsageDimension, 'HOUR' | 'DAY' | 'MONTH'>

export interface UsageRange {
  from: string
  to: string
  bucket: Bucket
  timeZone: string
  /** The start of every bucket, also of those without usage. */
  starts: string[]
}

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs
/** Two units at least. */
const longestMs = { HOUR: 3 * hourMs, DAY: 3 * dayMs, MONTH: 65 * dayMs }

export const rangeChoices: { id: RangeId; label: string }[] = [
  { id: 'day', label: '24 hours' },
  { id: 'week', label: '7 days' },
  { id: 'month', label: '30 days' },
  { id: 'quarter', label: '90 days' },
  { id: 'year', label: '12 months' },
]

/** Where the person is: every other time on the page is of this zone too. */
export function findTimeZone(): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
  return isTimeZone(timeZone) ? timeZone : 'UTC'
}

/** Whole hours, days or months of a time zone; the last one is the running one. */
export function rangeOf(id: RangeId, now: Date, timeZone: string): UsageRange {
  const calendar = createCalendar(timeZone)
  const bucket = id === 'day' ? 'HOUR' : id === 'year' ? 'MONTH' : 'DAY'
  const starts = calendar.starts(bucket, earliest(id, now, calendar), now).map((start) => start.toISOString())
  const [from = now.toISOString()] = starts
  const [, next = now] = calendar.starts(bucket, now, new Date(now.getTime() + longestMs[bucket]))
  return { from, to: next.toISOString(), bucket, timeZone, starts }
}

/** A moment in the first hour, day or month. */
function earliest(id: RangeId, now: Date, { dateOf, beginningOf }: Calendar): Date {
  if (id === 'day') return new Date(now.getTime() - 23 * hourMs)
  const today = dateOf(now).getTime()
  if (id === 'year') return beginningOf(new Date(monthOf(today, -11)))
  const days = { week: 7, month: 30, quarter: 90 }[id]
  return beginningOf(new Date(today - (days - 1) * dayMs))
}

export function labelOfStart(start: string, bucket: Bucket, timeZone: string): string {
  const options = {
    HOUR: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    DAY: { month: 'short', day: 'numeric' },
    MONTH: { month: 'short', year: '2-digit' },
  } as const satisfies Record<Bucket, Intl.DateTimeFormatOptions>
  return new Intl.DateTimeFormat('en', { ...options[bucket], timeZone }).format(new Date(start))
}
