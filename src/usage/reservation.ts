import { defaultCurrency } from '../catalogue/usage-figures.ts'
import type { Prisma } from '../database/database.ts'
import { EaselError } from '../errors.ts'
import { readBudgets } from './budget.ts'
import { type Amount, createSpending, lockSpending } from './spending.ts'
import { dayOf, type SpendingWindows, windowsAt } from './spending-window.ts'

/*
 * A reservation's life. RESERVE is written with the operation and raises `reserved` in the user's three windows (day,
 * month, total). RELEASE ends it, once: its unique key decides who ends it when two try. What the operation really took
 * stands beside it as CAPTURE (the user pays for images) or PROVIDER_LOSS (the house pays for what nobody got); both
 * where some images came and nobody knows whether the others were made. RELEASE is what is given back, so that at any time  reserved = sum(RESERVE) - sum(CAPTURE) - sum(RELEASE)  over a window, and
 * used = sum(CAPTURE). Every entry books into the windows of the reservation's day.
 *
 * Locks: the user's TOTAL row first. Who holds it may write the other two, so no two transactions wait in a circle.
 */

type Transaction = Prisma.TransactionClient

export interface ReservationRequest {
  operationId: string
  userId: string
  at: Date
  /** The most the operation may take. */
  tokens: number
  costMicros: number
  /** What the cost is in; without a price there is none. */
  currency?: string
}

/** Holds the most an operation may take, in the caller's transaction. Throws BUDGET_EXCEEDED, and then it must end. */
export async function reserve(tx: Transaction, request: ReservationRequest): Promise<void> {
  const { operationId, userId, at, currency = defaultCurrency } = request
  const amount = { tokens: BigInt(request.tokens), costMicros: BigInt(request.costMicros) }
  const windows = windowsAt(at)
  await createSpending(tx, userId, windows)
  await lockSpending(tx, userId)
  const raised = await raiseReserved(tx, { userId, windows, amount })
  if (raised === 0) throw await budgetExceeded(tx, { userId, at, amount })
  await tx.ledgerEntry.create({
    data: { operationId, kind: 'RESERVE', number: 0, userId, day: dayOf(at), currency, ...amount },
  })
}

/** The gate: raises all three windows, or none where a budget would not hold. */
function raiseReserved(
  tx: Transaction,
  { userId, windows, amount }: { userId: string; windows: SpendingWindows; amount: Amount },
): Promise<number> {
  const { tokens, costMicros } = amount
  const { DAY, MONTH, TOTAL } = windows
  return tx.$executeRaw`
    UPDATE spending
       SET tokens_reserved = tokens_reserved + ${tokens}::bigint,
           cost_reserved_micros = cost_reserved_micros + ${costMicros}::bigint
     WHERE user_id = ${userId}::uuid
       AND window_start = CASE period
             WHEN 'DAY' THEN ${DAY}::date WHEN 'MONTH' THEN ${MONTH}::date ELSE ${TOTAL}::date END
       AND NOT EXISTS (
         SELECT 1
           FROM budget b
           JOIN spending s ON s.user_id = b.user_id AND s.period = b.period
            AND s.window_start = CASE s.period
                  WHEN 'DAY' THEN ${DAY}::date WHEN 'MONTH' THEN ${MONTH}::date ELSE ${TOTAL}::date END
          WHERE b.user_id = ${userId}::uuid
            AND CASE b.unit
                  WHEN 'TOKENS' THEN ${tokens}::bigint > 0
                    AND s.tokens_used + s.tokens_reserved + ${tokens}::bigint > b."limit"
                  ELSE ${costMicros}::bigint > 0
                    AND s.cost_used_micros + s.cost_reserved_micros + ${costMicros}::bigint > b."limit" END)`
}

/** The budget that is furthest from holding the request, told from under the same lock. */
async function budgetExceeded(
  tx: Transaction,
  { userId, at, amount }: { userId: string; at: Date; amount: Amount },
): Promise<EaselError> {
  const budgets = await readBudgets(tx, [userId], at)
  const exceeded = budgets
    .map((budget) => ({ ...budget, asked: budget.unit === 'TOKENS' ? amount.tokens : amount.costMicros }))
    .filter(({ asked, used, reserved, limit }) => asked > 0n && used + reserved + asked > limit)
    .sort((a, b) => Number(a.remaining - a.asked - (b.remaining - b.asked)))[0]
  if (!exceeded) throw new Error('A reservation was refused although every budget holds')
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
