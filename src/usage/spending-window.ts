export type BudgetPeriod = 'DAY' | 'MONTH' | 'TOTAL'

/** The first day of each window. */
export type SpendingWindows = Record<BudgetPeriod, Date>

/** TOTAL never ends, so its one window starts at a constant. */
const beginning = new Date(0)

/** The windows (UTC) that a moment's spending belongs to. */
export function windowsAt(at: Date): SpendingWindows {
  return { DAY: dayOf(at), MONTH: monthOf(at), TOTAL: beginning }
}

export function dayOf(at: Date): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()))
}

function monthOf(at: Date): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1))
}

/** When a budget of this period starts anew; TOTAL never does. */
export function resetOf(period: BudgetPeriod, at: Date): Date | null {
  if (period === 'TOTAL') return null
  const { DAY, MONTH } = windowsAt(at)
  return period === 'DAY'
    ? new Date(Date.UTC(DAY.getUTCFullYear(), DAY.getUTCMonth(), DAY.getUTCDate() + 1))
    : new Date(Date.UTC(MONTH.getUTCFullYear(), MONTH.getUTCMonth() + 1, 1))
}
