export type CalendarUnit = 'HOUR' | 'DAY' | 'MONTH'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/**
 * When hours, days and months begin in a time zone: the one place that knows. Every instant lies in exactly one of each,
 * and each ends where the next begins. A date begins at its first instant, which is not midnight where clocks skip that.
 */
export interface Calendar {
  readonly timeZone: string
  /** The date that an instant belongs to, as that date's midnight in UTC. */
  dateOf(at: Date): Date
  /** When a date begins. One that the zone skipped begins, and ends, with the next. */
  beginningOf(date: Date): Date
  /** Where each unit begins between two instants, and before these the beginning of the first instant's. */
  starts(unit: CalendarUnit, from: Date, to: Date): Date[]
}

/** Whether this is a name of the time zone database; an offset such as `+03:00` is none. */
export function isTimeZone(name: string): boolean {
  try {
    return /^[a-z]/i.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}

export function createCalendar(timeZone: string): Calendar {
  const offsetAt = createOffsets(timeZone)

  /** Takes and returns milliseconds. Two days, since zones are up to 14 hours before UTC and 12 behind. */
  const begin = (midnight: number): number => {
    const [early, late] = [midnight - 15 * hourMs, midnight + 13 * hourMs]
    const offset = offsetAt(early)
    return offset === offsetAt(late)
      ? midnight - offset
      : findFirst(early, late, (at) => at + offsetAt(at) >= midnight)
  }

  const dateAt = (at: number): number => {
    const shown = Math.floor((at + offsetAt(at)) / dayMs) * dayMs
    // Clocks that are put back over midnight show the old date again.
    if (begin(shown + dayMs) <= at) return shown + dayMs
    return begin(shown) > at ? shown - dayMs : shown
  }

  /** The beginnings of dates, each once: a skipped date has none. */
  function* beginnings(unit: 'DAY' | 'MONTH', from: number): Generator<number> {
    let date = dateAt(from)
    if (unit === 'MONTH') date = monthOf(date, 0)
    let last = Number.NaN
    for (; ; date = unit === 'DAY' ? date + dayMs : monthOf(date, 1)) {
      const start = begin(date)
      if (start !== last) yield start
      last = start
    }
  }

  function* listStarts(unit: CalendarUnit, from: number): Generator<number> {
    if (unit !== 'HOUR') return yield* beginnings(unit, from)
    // Hours count from the beginning of their day, so that one never reaches over a change of the clock by half an hour.
    let start = Number.NaN
    for (const next of beginnings('DAY', from)) {
      for (; start < next; start += hourMs) if (start + hourMs > from) yield start
      start = next
    }
  }

  return {
    timeZone,
    dateOf: (at) => new Date(dateAt(at.getTime())),
    beginningOf: (date) => new Date(begin(date.getTime())),
    starts: (unit, from, to) => {
      const starts: Date[] = []
      for (const start of listStarts(unit, from.getTime())) {
        if (start >= to.getTime()) break
        starts.push(new Date(start))
      }
      return starts
    },
  }
}

/** The first date of the month that is so many months later. */
export function monthOf(date: number, later: number): number {
  const day = new Date(date)
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + later, 1)
}

/** How far the zone's clocks are before UTC, in milliseconds. */
function createOffsets(timeZone: string): (at: number) => number {
  if (timeZone === 'UTC') return () => 0
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (at) => {
    const shown = format.format(at).match(/\d+/g)?.map(Number) ?? []
    const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = shown
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000
  }
}

/** The first whole number above `low` of which `holds` is true, as it is of `high`. */
function findFirst(low: number, high: number, holds: (at: number) => boolean): number {
  let [without, within] = [low, high]
  while (within - without > 1) {
    const middle = Math.floor((without + within) / 2)
    if (holds(middle)) within = middle
    else without = middle
  }
  return within
}
