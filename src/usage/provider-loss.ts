import type { PrismaClient } from '../database/database.ts'
import { checkRange, type ReportRange } from './report-range.ts'
import type { Money } from './usage-report.ts'

/** A call that a provider may have carried out and charged for, and that brought nobody all of its images. */
export interface ProviderLoss {
  operationId: string
  /** The most that what is missing may have taken. */
  totalTokens: bigint
  cost: Money
  createdAt: Date
}

export interface ProviderLossReport {
  /** The newest first, `maxProviderLosses` of them at most. */
  rows: ProviderLoss[]
  /** Of all, however many. */
  total: { operations: number; totalTokens: bigint; costs: Money[] }
}

export const maxProviderLosses = 1_000

/** What the house lost over a time. */
export async function reportLosses(prisma: PrismaClient, asked: ReportRange): Promise<ProviderLossReport> {
  const { from, to } = checkRange(asked)
  const where = { kind: 'PROVIDER_LOSS', createdAt: { gte: from, lt: to } } as const
  const [entries, sums] = await Promise.all([
    prisma.ledgerEntry.findMany({ where, orderBy: { createdAt: 'desc' }, take: maxProviderLosses }),
    prisma.ledgerEntry.groupBy({
      by: ['currency'],
      where,
      orderBy: { currency: 'asc' },
      _count: true,
      _sum: { tokens: true, costMicros: true },
    }),
  ])
  return {
    rows: entries.map(({ operationId, tokens, costMicros, currency, createdAt }) => ({
      operationId,
      totalTokens: tokens,
      cost: { amountMicros: costMicros, currency },
      createdAt,
    })),
    total: {
      operations: sums.reduce((count, sum) => count + sum._count, 0),
      totalTokens: sums.reduce((tokens, sum) => tokens + (sum._sum.tokens ?? 0n), 0n),
      costs: sums.map(({ currency, _sum }) => ({ amountMicros: _sum.costMicros ?? 0n, currency })),
    },
  }
}
