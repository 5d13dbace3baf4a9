import type { Calendar } from '../calendar.ts'
import { defaultCurrency } from '../catalogue/usage-figures.ts'
import { databaseFailure } from '../database/database-failure.ts'
import { Prisma, type PrismaClient } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import { readBudgets } from './budget.ts'
import { windowsAt } from './spending-window.ts'

/*
 * A reservation's life. RESERVE is written with the operation and raises `reserved` in the user's three windows (day,
 * month, total). RELEASE ends it, once: its unique key lets one of two attempts win. What the operation really used is
 * written beside it as CAPTURE (the user pays for images) or PROVIDER_LOSS (the house pays for missing images); both
 * where some images came and the others may have been made. RELEASE is the amount given back. So over a window
 *
 *   reserved = sum(RESERVE) - sum(CAPTURE) - sum(RELEASE)   and   used = sum(CAPTURE)
 *
 * at any time. Every entry books into the windows of the reservation's day.
 *
 * Locks: the user's TOTAL row first, then the other two, so no two transactions wait in a circle.
 */

export interface ReservationRequest {
  operationId: string
  userId: string
  at: Date
  /** The most that the operation can use. */
  tokens: number
  costMicros: number
  /** What the cost is in; without a price there is none. */
  currency?: string
}

/**
 * An expression for the statement that accepts the operation: it reserves the most that the operation may take. Where a
 * budget does not hold that, the statement fails, and {@link explainRefusal} says why.
 */
export function reserving(request: ReservationRequest, calendar: Calendar): Prisma.Sql {
  const { operationId, userId, at, tokens, costMicros, currency = defaultCurrency } = request
  const { DAY, MONTH, TOTAL } = windowsAt(at, calendar)
  return Prisma.sql`reserve_spending(${operationId}::uuid, ${userId}::uuid, ${DAY}::date, ${MONTH}::date, ${TOTAL}::date,
    ${BigInt(tokens)}::bigint, ${BigInt(costMicros)}::bigint, ${currency})::text`
}

/**
 * The error for the caller of a refused reservation. Any other error is returned as it is; null means that by now every
 * budget has room for the request.
 */
export async function explainRefusal(
  prisma: PrismaClient,
  error: unknown,
  { request, calendar }: { request: ReservationRequest; calendar: Calendar },
): Promise<unknown> {
  if (databaseFailure(error) !== 'REFUSED') return error
  const { userId, at } = request
  const amount = { TOKENS: BigInt(request.tokens), MONEY: BigInt(request.costMicros) }
  const budgets = await readBudgets(prisma, [userId], { at, calendar })
  // The budget that lacks the most room.
  const [exceeded] = budgets
    .map((budget) => ({ ...budget, asked: amount[budget.unit] }))
    .filter(({ asked, used, reserved, limit }) => asked > 0n && used + reserved + asked > limit)
    .sort((a, b) => Number(a.remaining - a.asked - (b.remaining - b.asked)))
  if (!exceeded) return null
  const { period, unit, limit, remaining, asked, resetsAt } = exceeded
  return new EaselError('BUDGET_EXCEEDED', `The ${period} budget of ${unit} does not hold this request.`, {
    reason: `${period}_${unit}`,
    budget: { period, unit },
    limit: `${limit}`,
    remaining: `${remaining}`,
    asked: `${asked}`,
    resetsAt: resetsAt?.toISOString() ?? null,
    hint: resetsAt ? 'WAIT_OR_RAISE_BUDGET' : 'RAISE_BUDGET',
  })
}
