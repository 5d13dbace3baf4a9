import type { Calendar } from '../calendar.ts'
import type { MoneyRules } from '../catalogue/exchange-rate.ts'
import type { OperationKind } from '../catalogue/operation-kind.ts'
import { fillTokens, type Tokens, tokenKeys } from '../catalogue/tokens.ts'
import type { PrismaClient } from '../database/database.ts'
import { readReport } from '../database/long-report.ts'
import { EaselError } from '../errors.ts'
import { needsRecords, reportQuery, unitOf } from './report-query.ts'
import { checkRange, type ReportRange } from './report-range.ts'
import type { ReportRequest } from './report-request.ts'

export interface Money {
  amountMicros: bigint
  currency: string
}

/** The dimensions grouped by, the others null, and sums. */
export interface UsageRow extends Tokens<bigint> {
  userId: string | null
  endUser: string | null
  provider: string | null
  model: string | null
  kind: OperationKind | null
  /** When the hour, day or month begins. */
  start: Date | null
  operations: bigint
  images: bigint
  /**
   * In the one currency of reports: what was paid in it, and what was paid in others and can be converted, at the rates of
   * the days on which it was used. Rounded to the nearest micro-unit.
   */
  cost: Money
  /** One entry for each currency that was paid in, as it was paid. */
  costs: Money[]
  /** Which part of the operations has figures that are Easel's estimate, from 0 to 1. */
  estimatedShare: number
}

export interface UsageReport {
  /** Empty when nothing is grouped by. */
  rows: UsageRow[]
  total: UsageRow
}

export const maxReportRows = 10_000
/** The total has one row for each currency. */
const maxCurrencies = 16

/** Adds up usage in one statement: from the hourly roll-up where it can, from the records where it must. */
export async function report(
  prisma: PrismaClient,
  asked: ReportRequest,
  { calendar, money }: { calendar: Calendar; money: MoneyRules },
): Promise<UsageReport> {
  const request = { ...asked, ...checkRange(asked) }
  const starts = await listStarts(prisma, request, calendar)
  const limit = maxReportRows + maxCurrencies + 1
  const read = (client: Pick<PrismaClient, '$queryRaw'>) =>
    client.$queryRaw<SumRow[]>(reportQuery(request, { starts, limit, money }))
  const sums = await (needsRecords(request, starts) ? readReport(prisma, read) : read(prisma))
  if (sums.length >= limit) throw reportTooLarge()
  const rows = new Map<string, UsageRow>()
  const total = emptyRow(money.currency)
  for (const sum of sums) addTo(sum.isTotal ? total : rowOf(rows, sum, money.currency), sum)
  return { rows: [...rows.values()], total }
}

const shortestMs = { HOUR: 3_600_000, DAY: 23 * 3_600_000, MONTH: 28 * 24 * 3_600_000 }

/** Where the units begin that a report is grouped by: all there are, or of a very long time those that may have usage. */
async function listStarts(
  prisma: PrismaClient,
  { groupBy, from, to }: ReportRequest,
  calendar: Calendar,
): Promise<Date[]> {
  const unit = unitOf(groupBy)
  if (!unit) return []
  const isLong = to.getTime() - from.getTime() > maxReportRows * shortestMs[unit]
  const used = isLong ? await findUsedTime(prisma, { from, to }) : { from, to }
  return calendar.starts(unit, used.from, used.to)
}

async function findUsedTime(prisma: PrismaClient, { from, to }: ReportRange): Promise<ReportRange> {
  const { _min: first, _max: last } = await prisma.usageRecord.aggregate({
    where: { createdAt: { gte: from, lt: to } },
    _min: { createdAt: true },
    _max: { createdAt: true },
  })
  return { from: first.createdAt ?? from, to: new Date((last.createdAt ?? from).getTime() + 1) }
}

/** One row of the statement: the sums of one group in one currency. */
interface SumRow extends Omit<UsageRow, 'cost' | 'costs' | 'estimatedShare'> {
  isTotal: boolean
  currency: string
  costMicros: bigint
  /** Null where nothing of it can be converted. */
  convertedMicros: bigint | null
  estimated: bigint
}

const summed = ['images', ...tokenKeys] as const

function rowOf(rows: Map<string, UsageRow>, sum: SumRow, currency: string): UsageRow {
  const { userId, endUser, provider, model, kind, start } = sum
  const key = JSON.stringify([start, userId, endUser, provider, model, kind])
  const row = rows.get(key) ?? { ...emptyRow(currency), userId, endUser, provider, model, kind, start }
  rows.set(key, row)
  return row
}

function addTo(row: UsageRow, sum: SumRow): void {
  const estimated = row.estimatedShare * Number(row.operations) + Number(sum.estimated)
  row.operations += sum.operations
  row.estimatedShare = estimated / Number(row.operations)
  for (const part of summed) row[part] += sum[part]
  row.cost.amountMicros += sum.convertedMicros ?? 0n
  row.costs.push({ amountMicros: sum.costMicros, currency: sum.currency })
}

/** The sums of nothing. */
export function emptyRow(currency: string): UsageRow {
  return {
    userId: null,
    endUser: null,
    provider: null,
    model: null,
    kind: null,
    start: null,
    operations: 0n,
    images: 0n,
    ...fillTokens(() => 0n),
    cost: { amountMicros: 0n, currency },
    costs: [],
    estimatedShare: 0,
  }
}

function reportTooLarge(): EaselError {
  return new EaselError('BAD_USER_INPUT', `The report has more than ${maxReportRows} rows.`, {
    reason: 'REPORT_TOO_LARGE',
    field: 'groupBy',
    allowed: { maxRows: maxReportRows },
    hint: 'NARROW_RANGE_OR_GROUP_LESS',
  })
}
