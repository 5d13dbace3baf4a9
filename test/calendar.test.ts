import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CalendarUnit, createCalendar, isTimeZone } from '../src/calendar.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Whole, half and quarter hours, both ends of the date line, and clocks that change at midnight. */
const zones = [
  'UTC',
  'Europe/Moscow',
  'America/New_York',
  'America/Los_Angeles',
  'America/Sao_Paulo',
  'America/Havana',
  'America/St_Johns',
  'America/Goose_Bay',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Tehran',
  'Australia/Lord_Howe',
  'Australia/Eucla',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'Etc/GMT+12',
]

/** The date that clocks show, by Intl alone. */
function shownDate(timeZone: string, at: number): string {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  return format.format(at)
}

const iso = (date: Date) => date.toISOString().slice(0, 10)
const instants = fc.integer({ min: Date.UTC(1995, 0, 1), max: Date.UTC(2040, 0, 1) })

/** Of a date in a zone, in hours. */
function lengthOf(timeZone: string, date: string): number {
  const { beginningOf } = createCalendar(timeZone)
  const midnight = Date.parse(date)
  return (
    (beginningOf(new Date(midnight + dayMs)).getTime() - beginningOf(new Date(midnight)).getTime()) / hourMs
  )
}

const beginning = (timeZone: string, date: string) =>
  createCalendar(timeZone).beginningOf(new Date(date)).toISOString()

describe.each(zones)('the calendar of %s', (timeZone) => {
  const calendar = createCalendar(timeZone)

  test('has every instant in exactly one day, whose date is the one that clocks show', () => {
    fc.assert(
      fc.property(instants, (at) => {
        const date = calendar.dateOf(new Date(at))
        const start = calendar.beginningOf(date).getTime()
        const end = calendar.beginningOf(new Date(date.getTime() + dayMs)).getTime()
        expect(start).toBeLessThanOrEqual(at)
        expect(end).toBeGreaterThan(at)
        expect(shownDate(timeZone, start) >= iso(date)).toBe(true)
        expect(shownDate(timeZone, start - 1) < iso(date)).toBe(true)
        // Until 2011 clocks here were put back at one minute past midnight, and showed the old date again.
        if (timeZone !== 'America/Goose_Bay' && timeZone !== 'America/St_Johns')
          expect(shownDate(timeZone, at)).toBe(iso(date))
      }),
      { numRuns: 60 },
    )
  })

  test('has hours, days and months that touch and that hold what is between two instants', () => {
    const units = fc.constantFrom<CalendarUnit[]>('HOUR', 'DAY', 'MONTH')
    const lengths = fc.integer({ min: 1, max: 70 * dayMs })
    fc.assert(
      fc.property(instants, lengths, units, (from, length, unit) => {
        const to = new Date(from + length)
        const starts = calendar.starts(unit, new Date(from), to)
        const times = starts.map((start) => start.getTime())
        expect(times[0]).toBeLessThanOrEqual(from)
        expect(times[1] ?? Number.POSITIVE_INFINITY).toBeGreaterThan(from)
        expect(times.at(-1)).toBeLessThan(to.getTime())
        expect(times).toEqual([...new Set(times)].sort((one, other) => one - other))
        // A unit has the same beginning wherever in it one begins to look.
        for (const start of starts.slice(-2)) expect(calendar.starts(unit, start, to)[0]).toEqual(start)
        const longest = { HOUR: hourMs, DAY: 25 * hourMs, MONTH: 31 * dayMs + hourMs }[unit]
        for (const [index, time] of times.slice(1).entries())
          expect(time - (times[index] ?? 0)).toBeLessThanOrEqual(longest)
      }),
      { numRuns: 15 },
    )
  })
})

test('days have 23 and 25 hours where clocks change, and half an hour more or less on Lord Howe', () => {
  expect(lengthOf('America/New_York', '2026-03-08')).toBe(23)
  expect(lengthOf('America/New_York', '2026-11-01')).toBe(25)
  expect(lengthOf('Europe/Berlin', '2026-03-29')).toBe(23)
  expect(lengthOf('Australia/Lord_Howe', '2026-04-05')).toBe(24.5)
  expect(lengthOf('Australia/Lord_Howe', '2026-10-04')).toBe(23.5)
  expect(lengthOf('Europe/Moscow', '2026-03-29')).toBe(24)
})

test('a day whose midnight does not exist begins when clocks are put forward', () => {
  expect(beginning('America/Sao_Paulo', '2018-11-04')).toBe('2018-11-04T03:00:00.000Z')
  expect(lengthOf('America/Sao_Paulo', '2018-11-04')).toBe(23)
  expect(beginning('Africa/Cairo', '2026-04-24')).toBe('2026-04-23T22:00:00.000Z')
  expect(lengthOf('Africa/Cairo', '2026-04-24')).toBe(23)
})

test('a day whose midnight comes twice begins with the first of them', () => {
  expect(beginning('America/Havana', '2026-11-01')).toBe('2026-11-01T04:00:00.000Z')
  expect(lengthOf('America/Havana', '2026-11-01')).toBe(25)
  expect(beginning('Africa/Cairo', '2026-10-30')).toBe('2026-10-29T22:00:00.000Z')
  expect(lengthOf('Africa/Cairo', '2026-10-29')).toBe(25)
})

test('a date that a zone has skipped has no time', () => {
  expect(lengthOf('Pacific/Apia', '2011-12-30')).toBe(0)
  const { starts } = createCalendar('Pacific/Apia')
  expect(
    starts('DAY', new Date('2011-12-29T12:00:00Z'), new Date('2012-01-01T00:00:00Z')).map((at) =>
      at.toISOString(),
    ),
  ).toEqual(['2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z', '2011-12-31T10:00:00.000Z'])
})

test('hours begin where clocks show a full hour, also a quarter past UTC', () => {
  const { starts } = createCalendar('Asia/Kathmandu')
  const listed = starts('HOUR', new Date('2026-11-24T17:59:00Z'), new Date('2026-11-24T19:15:00Z'))
  expect(listed.map((at) => at.toISOString().slice(11, 16))).toEqual(['17:15', '18:15'])
})

test('months begin with their first day', () => {
  const { starts } = createCalendar('America/New_York')
  const listed = starts('MONTH', new Date('2026-02-28T12:00:00Z'), new Date('2026-04-01T04:00:00.001Z'))
  expect(listed.map((at) => at.toISOString())).toEqual([
    '2026-02-01T05:00:00.000Z',
    '2026-03-01T05:00:00.000Z',
    '2026-04-01T04:00:00.000Z',
  ])
})

test('a time zone is a name of the database of time zones', () => {
  for (const name of [...zones, 'europe/moscow']) expect(isTimeZone(name)).toBe(true)
  for (const name of ['', 'Moscow', 'Europe/Atlantis', '+03:00', 'UTC+3', 'local'])
    expect(isTimeZone(name)).toBe(false)
})
