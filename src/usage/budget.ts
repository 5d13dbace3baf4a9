import type { Calendar } from '../calendar.ts'
import type { Prisma } from '../database/database.ts'
import { EaselError } from '../errors.ts'
import { type BudgetPeriod, resetOf, windowsAt } from './spending-window.ts'

export type BudgetUnit = 'TOKENS' | 'MONEY'

/** A limit and how much of it is used in its current window, in tokens or in micro-units of money. */
export interface BudgetState {
  userId: string
  period: BudgetPeriod
  unit: BudgetUnit
  /** Of MONEY; null for TOKENS. */
  currency: string | null
  limit: bigint
  used: bigint
  reserved: bigint
  /** Never below zero. */
  remaining: bigint
  resetsAt: Date | null
}

export interface BudgetChange {
  userId: string
  period: BudgetPeriod
  unit: BudgetUnit
  /** Of MONEY. Without one a budget keeps the one it has, or gets the gateway's. */
  currency?: string | null | undefined
  /** Null removes the budget. */
  limit: bigint | null
}

/** PostgreSQL's bigint. */
const largestLimit = 2n ** 63n - 1n

type Client = Pick<Prisma.TransactionClient, '$queryRaw'>
type BudgetRow = Omit<BudgetState, 'remaining' | 'resetsAt'>

/** Every budget of these users in one query. */
export async function readBudgets(
  client: Client,
  userIds: readonly string[],
  { at, calendar }: { at: Date; calendar: Calendar },
): Promise<BudgetState[]> {
  const { DAY, MONTH, TOTAL } = windowsAt(at, calendar)
  const rows = await client.$queryRaw<BudgetRow[]>`
    SELECT b.user_id AS "userId", b.period::text AS period, b.unit::text AS unit, b.currency, b."limit",
           COALESCE(CASE b.unit WHEN 'TOKENS' THEN s.tokens_used ELSE m.used_micros END, 0) AS used,
           COALESCE(CASE b.unit WHEN 'TOKENS' THEN s.tokens_reserved ELSE m.reserved_micros END, 0) AS reserved
      FROM budget b
      LEFT JOIN spending s ON s.user_id = b.user_id AND s.period = b.period
       AND s.window_start = CASE s.period
             WHEN 'DAY' THEN ${DAY}::date WHEN 'MONTH' THEN ${MONTH}::date ELSE ${TOTAL}::date END
      LEFT JOIN money_spending m ON m.user_id = s.user_id AND m.period = s.period
       AND m.window_start = s.window_start AND m.currency = b.currency
     WHERE b.user_id = ANY(${userIds}::uuid[])
     ORDER BY b.user_id, b.period, b.unit`
  return rows.map((row) => {
    const left = row.limit - row.used - row.reserved
    return { ...row, remaining: left > 0n ? left : 0n, resetsAt: resetOf(row.period, at, calendar) }
  })
}

/** Sets or removes a limit. Existing reservations stay: a lower limit refuses only later operations. */
export async function setBudget(
  prisma: Pick<Prisma.TransactionClient, 'budget' | 'user' | '$executeRaw'>,
  { userId, period, unit, currency, limit }: BudgetChange,
  { newId, currency: usual }: { newId: () => string; currency: string },
): Promise<void> {
  if (unit === 'TOKENS' && currency) throw tokensHaveNoCurrency(currency)
  if (limit === null) {
    const { count } = await prisma.budget.deleteMany({ where: { userId, period, unit } })
    if (count === 0 && !(await prisma.user.findUnique({ where: { id: userId } }))) throw userNotFound()
    return
  }
  if (limit < 0n || limit > largestLimit) throw limitOutOfRange(limit)
  const changed = await prisma.$executeRaw`
    INSERT INTO budget AS b (id, user_id, period, unit, currency, "limit")
    SELECT ${newId()}::uuid, id, ${period}::"BudgetPeriod", ${unit}::"BudgetUnit",
           ${unit === 'MONEY' ? (currency ?? usual) : null}, ${limit}::bigint
      FROM "user" WHERE id = ${userId}::uuid
    ON CONFLICT (user_id, period, unit)
    DO UPDATE SET "limit" = EXCLUDED."limit", currency = coalesce(${currency ?? null}, b.currency)`
  if (changed === 0) throw userNotFound()
}

function userNotFound(): EaselError {
  return new EaselError('NOT_FOUND', 'There is no such user.', { field: 'input.userId' })
}

function tokensHaveNoCurrency(currency: string): EaselError {
  return new EaselError('BAD_USER_INPUT', 'A budget of tokens has no currency.', {
    reason: 'TOKENS_WITH_CURRENCY',
    field: 'input.currency',
    actual: currency,
  })
}

function limitOutOfRange(limit: bigint): EaselError {
  return new EaselError('BAD_USER_INPUT', 'A budget is a whole number from 0 on.', {
    reason: 'OUT_OF_RANGE',
    field: 'input.limit',
    allowed: { min: '0', max: `${largestLimit}` },
    actual: `${limit}`,
  })
}
