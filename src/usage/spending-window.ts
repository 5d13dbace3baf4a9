import { type Calendar, monthOf } from '../calendar.ts'

export type BudgetPeriod = 'DAY' | 'MONTH' | 'TOTAL'

/** The first date of each window, as midnight in UTC. */
export type SpendingWindows = Record<BudgetPeriod, Date>

/** TOTAL never ends, so its one window starts at a constant. */
const beginning = new Date(0)

const dayMs = 24 * 60 * 60 * 1000

/** The windows that a moment's spending belongs to, by the dates of the calendar. */
export function windowsAt(at: Date, calendar: Calendar): SpendingWindows {
  const DAY = calendar.dateOf(at)
  return { DAY, MONTH: new Date(monthOf(DAY.getTime(), 0)), TOTAL: beginning }
}

/** When a budget of this period starts anew; TOTAL never does. */
export function resetOf(period: BudgetPeriod, at: Date, calendar: Calendar): Date | null {
  if (period === 'TOTAL') return null
  const date = calendar.dateOf(at).getTime()
  return calendar.beginningOf(new Date(period === 'DAY' ? date + dayMs : monthOf(date, 1)))
}
