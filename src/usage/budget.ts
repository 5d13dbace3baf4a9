import type { Calendar } from '../calendar.ts'
import type { Prisma, PrismaClient } from '../database/database.ts'
import { EaselError } from '../errors.ts'
import { type BudgetPeriod, resetOf, windowsAt } from './spending-window.ts'

export type BudgetUnit = 'TOKENS' | 'MONEY'

/** A limit and how much of it is used in its current window, in tokens or in micro-units of money. */
export interface BudgetState {
  userId: string
  period: BudgetPeriod
  unit: BudgetUnit
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
    SELECT b.user_id AS "userId", b.period::text AS period, b.unit::text AS unit, b."limit",
           COALESCE(CASE b.unit WHEN 'TOKENS' THEN s.tokens_used ELSE s.cost_used_micros END, 0) AS used,
           COALESCE(CASE b.unit WHEN 'TOKENS' THEN s.tokens_reserved ELSE s.cost_reserved_micros END, 0) AS reserved
      FROM budget b
      LEFT JOIN spending s ON s.user_id = b.user_id AND s.period = b.period
       AND s.window_start = CASE s.period
             WHEN 'DAY' THEN ${DAY}::date WHEN 'MONTH' THEN ${MONTH}::date ELSE ${TOTAL}::date END
     WHERE b.user_id = ANY(${userIds}::uuid[])
     ORDER BY b.user_id, b.period, b.unit`
  return rows.map((row) => {
    const left = row.limit - row.used - row.reserved
    return { ...row, remaining: left > 0n ? left : 0n, resetsAt: resetOf(row.period, at, calendar) }
  })
}

/** Sets or removes a limit. Existing reservations stay: a lower limit refuses only later operations. */
export async function setBudget(
  prisma: PrismaClient,
  { userId, period, unit, limit }: BudgetChange,
  newId: () => string,
): Promise<void> {
  if (limit === null) {
    const { count } = await prisma.budget.deleteMany({ where: { userId, period, unit } })
    if (count === 0 && !(await prisma.user.findUnique({ where: { id: userId } }))) throw userNotFound()
    return
  }
  if (limit < 0n || limit > largestLimit) throw limitOutOfRange(limit)
  const changed = await prisma.$executeRaw`
    INSERT INTO budget (id, user_id, period, unit, "limit")
    SELECT ${newId()}::uuid, id, ${period}::"BudgetPeriod", ${unit}::"BudgetUnit", ${limit}::bigint
      FROM "user" WHERE id = ${userId}::uuid
    ON CONFLICT (user_id, period, unit) DO UPDATE SET "limit" = EXCLUDED."limit"`
  if (changed === 0) throw userNotFound()
}

function userNotFound(): EaselError {
  return new EaselError('NOT_FOUND', 'There is no such user.', { field: 'input.userId' })
}

function limitOutOfRange(limit: bigint): EaselError {
  return new EaselError('BAD_USER_INPUT', 'A budget is a whole number from 0 on.', {
    reason: 'OUT_OF_RANGE',
    field: 'input.limit',
    allowed: { min: '0', max: `${largestLimit}` },
    actual: `${limit}`,
  })
}
