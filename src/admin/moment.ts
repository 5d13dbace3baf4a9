import { type Calendar, createCalendar } from '../calendar.ts'
import { AdminError, exitCodes } from './admin-error.ts'

/** A time, or a day that begins in the calendar's zone, as GraphQL takes it. */
export function readMoment(option: string, text: string, calendar: Calendar = createCalendar('UTC')): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
  const moment = Number.isNaN(day) ? text : calendar.beginningOf(new Date(day)).toISOString()
  if (/T.*(Z|[+-]\d{2}:\d{2})$/i.test(moment) && !Number.isNaN(Date.parse(moment))) return moment
  const allowed = 'a day such as 2026-11-01 or a time such as 2026-11-01T09:30:00Z'
  throw new AdminError(`${option} is ${allowed}, not "${text}".`, exitCodes.misused)
}
