import { type Calendar, createCalendar, isTimeZone } from '../calendar.ts'
import { EaselError } from '../errors.ts'
import type { ReportRequest } from './report-request.ts'

/** Of a report; `to` is not included. */
export interface ReportRange {
  from: Date
  to: Date
}

/** Checks a range of time. Throws BAD_USER_INPUT where it ends before it begins. */
export function checkRange({ from, to }: ReportRange): ReportRange {
  if (to > from) return { from: notBefore(from), to: notBefore(to) }
  throw new EaselError('BAD_USER_INPUT', 'A report ends after it begins.', {
    reason: 'RANGE_EMPTY',
    field: 'to',
    allowed: { after: from.toISOString() },
    actual: to.toISOString(),
  })
}

/** There is no usage before 1970, and PostgreSQL has no year 0. */
function notBefore(moment: Date): Date {
  return new Date(Math.max(0, moment.getTime()))
}

/** The calendar that a report goes by. Throws BAD_USER_INPUT where there is no such time zone. */
export function chooseCalendar({ timeZone }: ReportRequest, standard: Calendar): Calendar {
  if (timeZone == null || timeZone === standard.timeZone) return standard
  if (isTimeZone(timeZone)) return createCalendar(timeZone)
  throw new EaselError('BAD_USER_INPUT', 'There is no such time zone.', {
    reason: 'TIME_ZONE_UNKNOWN',
    field: 'timeZone',
    actual: timeZone,
  })
}
