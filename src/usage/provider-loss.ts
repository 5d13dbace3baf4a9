import type { PrismaClient } from '../database/database.ts'
import { checkRange, type ReportRange } from './report-range.ts'
import type { Money } from './usage-report.ts'

/** A call that a provider may have carried out and charged for, but that did not bring all of its images. */
export interface ProviderLoss {
  operationId: string
  /** The most that the missing images may have used. */
  totalTokens: bigint
  cost: Money
  createdAt: Date
}

export interface ProviderLossReport {
  /** The newest first, `maxProviderLosses` of them at most. */
  rows: ProviderLoss[]
  /** The sum of all losses, those beyond the limit of the list too. */
  total: { operations: number; totalTokens: bigint; costs: Money[] }
}

export const maxProviderLosses = 1_000

/** The house's losses between two moments. */
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
