import { createCalendar } from '../calendar.ts'
import { type MoneyRules, plainMoney, ratesAt } from '../catalogue/exchange-rate.ts'
import { type FigureRequest, figure, type UsageFigures } from '../catalogue/usage-figures.ts'
import type { Prisma, PrismaClient } from '../database/database.ts'
import { type BudgetChange, type BudgetState, readBudgets, setBudget } from './budget.ts'
import { type ProviderLossReport, reportLosses } from './provider-loss.ts'
import { parseReportParameters } from './report-parameters.ts'
import { chooseCalendar, type ReportRange } from './report-range.ts'
import type { ReportRequest } from './report-request.ts'
import { limitToVisible, type ReportViewer } from './report-viewer.ts'
import { explainRefusal, type ReservationRequest, reserving } from './reservation.ts'
import { type RollUpCheck, verifyRollUps } from './roll-up.ts'
import { type Settlement, settle, settledAnswer } from './settlement.ts'
import { streamCsv } from './usage-csv.ts'
import { type UsageOwner, writeUsageRecord } from './usage-record.ts'
import { emptyRow, report, type UsageReport, type UsageRow } from './usage-report.ts'

type Transaction = Prisma.TransactionClient

/**
 * Reservations, the ledger and reports. What takes a `tx` joins the caller's transaction; what returns SQL is a
 * part of the caller's statement.
 */
export interface Usage {
  /** Where the days and months of budgets begin, and those of reports that ask for no other zone. */
  readonly timeZone: string
  figure(request: FigureRequest): UsageFigures
  reserving(request: ReservationRequest): Prisma.Sql
  explainRefusal(error: unknown, request: ReservationRequest): Promise<unknown>
  settle(settlement: Settlement): Record<string, Prisma.Sql>
  settledAnswer(settlement: Settlement): { answer: Prisma.Sql; from: Prisma.Sql }
  record(tx: Transaction, owner: UsageOwner, figures: UsageFigures): Promise<void>
  /** Reports what the viewer may see, and refuses a request for more. */
  reportFor(viewer: ReportViewer, request: ReportRequest): Promise<UsageReport>
  /** The sums of nothing. */
  emptyRow(): UsageRow
  /** The same report as CSV, from the parameters of an address. */
  streamCsvFor(viewer: ReportViewer, parameters: Readonly<Record<string, string>>): AsyncGenerator<string>
  /** The house's losses: paid calls whose images did not arrive. */
  reportLosses(range: ReportRange): Promise<ProviderLossReport>
  /** Every budget of each of these users; a user without one has an empty list. */
  budgets(userIds: readonly string[]): Promise<Map<string, BudgetState[]>>
  setBudget(change: BudgetChange, tx?: Transaction): Promise<void>
  verifyRollUps(options: { repair: boolean }): Promise<RollUpCheck>
}

export interface UsageOptions {
  prisma: PrismaClient
  /** US dollars without rates by default. */
  money?: MoneyRules
  now: () => Date
  newId: () => string
  timeZone?: string
}

export function createUsage(options: UsageOptions): Usage {
  const { prisma, money = plainMoney, now, newId, timeZone = 'UTC' } = options
  const calendar = createCalendar(timeZone)
  const read = async (request: ReportRequest) =>
    report(prisma, request, { calendar: chooseCalendar(request, calendar), money })
  const rates = (at: Date) => ratesAt(money.rates, at)
  return {
    timeZone,
    figure,
    reserving: (request) => reserving(request, { calendar, rates: rates(request.at) }),
    explainRefusal: (error, request) =>
      explainRefusal(prisma, error, { request, calendar, rates: rates(request.at) }),
    settle,
    settledAnswer,
    record: writeUsageRecord,
    reportFor: async (viewer, request) => read(limitToVisible(request, viewer, 'filter.userId')),
    emptyRow: () => emptyRow(money.currency),
    streamCsvFor: (viewer, parameters) =>
      streamCsv(read, limitToVisible(parseReportParameters(parameters), viewer, 'userId')),
    reportLosses: (range) => reportLosses(prisma, range),
    budgets: async (userIds) => {
      const states = Map.groupBy(
        await readBudgets(prisma, userIds, { at: now(), calendar }),
        (budget) => budget.userId,
      )
      return new Map(userIds.map((userId) => [userId, states.get(userId) ?? []]))
    },
    setBudget: (change, tx) => setBudget(tx ?? prisma, change, { newId, currency: money.currency }),
    verifyRollUps: (options) => verifyRollUps(prisma, options),
  }
}
