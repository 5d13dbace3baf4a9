import { type FigureRequest, figure, type UsageFigures } from '../catalogue/usage-figures.ts'
import type { Prisma, PrismaClient } from '../database/database.ts'
import { type BudgetChange, type BudgetState, readBudgets, setBudget } from './budget.ts'
import { type ProviderLossReport, reportLosses } from './provider-loss.ts'
import { parseReportParameters } from './report-parameters.ts'
import type { ReportRange } from './report-range.ts'
import type { ReportRequest } from './report-request.ts'
import { limitToVisible, type ReportViewer } from './report-viewer.ts'
import { type ReservationRequest, reserve } from './reservation.ts'
import { type RollUpCheck, verifyRollUps } from './roll-up.ts'
import { type CaptureRequest, type CaptureResult, capture, release, releaseAsLoss } from './settlement.ts'
import { streamCsv } from './usage-csv.ts'
import { report, type UsageReport } from './usage-report.ts'

type Transaction = Prisma.TransactionClient

/** Reservations, the ledger and reports. What takes a `tx` joins the caller's transaction. */
export interface Usage {
  figure(request: FigureRequest): UsageFigures
  reserve(tx: Transaction, request: ReservationRequest): Promise<void>
  capture(tx: Transaction, request: CaptureRequest): Promise<CaptureResult>
  release(tx: Transaction, request: { operationId: string }): Promise<boolean>
  releaseAsLoss(tx: Transaction, request: { operationId: string }): Promise<boolean>
  /** Of what the viewer may see; asking for more is refused. */
  reportFor(viewer: ReportViewer, request: ReportRequest): Promise<UsageReport>
  /** The same as a file, asked for by the parameters of an address. */
  streamCsvFor(viewer: ReportViewer, parameters: Readonly<Record<string, string>>): AsyncGenerator<string>
  /** What the house paid for and nobody got. */
  reportLosses(range: ReportRange): Promise<ProviderLossReport>
  /** Every budget of each of these users; a user without one has an empty list. */
  budgets(userIds: readonly string[]): Promise<Map<string, BudgetState[]>>
  setBudget(change: BudgetChange): Promise<void>
  verifyRollUps(options: { repair: boolean }): Promise<RollUpCheck>
}

export interface UsageOptions {
  prisma: PrismaClient
  now: () => Date
  newId: () => string
}

export function createUsage({ prisma, now, newId }: UsageOptions): Usage {
  const read = (request: ReportRequest) => report(prisma, request)
  return {
    figure,
    reserve,
    capture,
    release,
    releaseAsLoss,
    reportFor: async (viewer, request) => read(limitToVisible(request, viewer, 'filter.userId')),
    streamCsvFor: (viewer, parameters) =>
      streamCsv(read, limitToVisible(parseReportParameters(parameters), viewer, 'userId')),
    reportLosses: (range) => reportLosses(prisma, range),
    budgets: async (userIds) => {
      const states = Map.groupBy(await readBudgets(prisma, userIds, now()), (budget) => budget.userId)
      return new Map(userIds.map((userId) => [userId, states.get(userId) ?? []]))
    },
    setBudget: (change) => setBudget(prisma, change, newId),
    verifyRollUps: (options) => verifyRollUps(prisma, options),
  }
}
