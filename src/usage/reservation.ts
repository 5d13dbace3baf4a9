import type { Calendar } from '../calendar.ts'
import { usualCurrency } from '../catalogue/currency.ts'
import type { RateTable } from '../catalogue/exchange-rate.ts'
import { databaseFailure } from '../database/database-failure.ts'
import { Prisma, type PrismaClient } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import { type BudgetState, readBudgets } from './budget.ts'
import { windowsAt } from './spending-window.ts'

/*
 * A reservation's life. RESERVE is written with the operation and raises `reserved` in the user's three windows (day,
 * month, total). RELEASE ends it, once: its unique key lets one of two attempts win. What the operation really used is
 * written beside it as CAPTURE (the user pays for images) or PROVIDER_LOSS (the house pays for missing images); both
 * where some images came and the others may have been made. RELEASE is the amount given back. So over a window
 *
 *   reserved = sum(RESERVE) - sum(CAPTURE) - sum(RELEASE)   and   used = sum(CAPTURE)
 *
 * at any time, in tokens. Money is kept by currency: RESERVE and CAPTURE say in `booked` what they book in each into which
 * the cost can be converted, at the rates of the reservation's day, which RESERVE keeps. Amounts of two currencies are
 * never added up. So over a window, in each currency
 *
 *   reserved = sum(RESERVE that no RELEASE has ended)   and   used = sum(CAPTURE)
 *
 * Every entry books into the windows of the reservation's day.
 *
 * Locks: the user's TOTAL row first, then the other two, so no two transactions wait in a circle.
 */

/** The most that one model takes for an operation; null where no price says it. */
export interface ModelCost {
  /** Its id. */
  model: string
  most: { micros: number; currency: string } | null
}

export interface ReservationRequest {
  operationId: string
  userId: string
  at: Date
  /** The most that the operation can use. */
  tokens: number
  costMicros: number
  /** What the cost is in; without a price there is none. */
  currency?: string
  /** The same for each model that may carry the operation out, which budgets of money have to hold. */
  costs: readonly ModelCost[]
}

/**
 * An expression for the statement that accepts the operation: it reserves the most that the operation may take. Where a
 * budget does not hold that, or has a currency in which it is not known, the statement fails, and {@link explainRefusal}
 * says why.
 */
export function reserving(
  request: ReservationRequest,
  { calendar, rates }: { calendar: Calendar; rates: RateTable },
): Prisma.Sql {
  const { operationId, userId, at, tokens, costMicros, currency = usualCurrency, costs } = request
  const { DAY, MONTH, TOTAL } = windowsAt(at, calendar)
  return Prisma.sql`reserve_spending(${operationId}::uuid, ${userId}::uuid, ${DAY}::date, ${MONTH}::date, ${TOTAL}::date,
    ${BigInt(tokens)}::bigint, ${writeCosts(costs)}::jsonb, ${JSON.stringify(rates)}::jsonb, ${BigInt(costMicros)}::bigint,
    ${currency})::text`
}

function writeCosts(costs: readonly ModelCost[]): string {
  return JSON.stringify(costs.map(({ most }) => most ?? { currency: null }))
}

/**
 * The error for the caller of a refused reservation. Any other error is returned as it is; null means that by now every
 * budget has room for the request.
 */
export async function explainRefusal(
  prisma: PrismaClient,
  error: unknown,
  { request, calendar, rates }: { request: ReservationRequest; calendar: Calendar; rates: RateTable },
): Promise<unknown> {
  if (databaseFailure(error) !== 'REFUSED') return error
  const { userId, at } = request
  const budgets = await readBudgets(prisma, [userId], { at, calendar })
  const incomparable = budgets.flatMap((budget) => findIncomparable(budget, request, rates) ?? [])
  if (incomparable[0]) return incomparable[0]
  const most = await readMost(prisma, request.costs, rates)
  const amountFor = ({ unit, currency }: BudgetState) =>
    unit === 'TOKENS' ? BigInt(request.tokens) : (most.get(currency) ?? 0n)
  // The budget that lacks the most room.
  const [exceeded] = budgets
    .map((budget) => ({ ...budget, asked: amountFor(budget) }))
    .filter(({ asked, used, reserved, limit }) => asked > 0n && used + reserved + asked > limit)
    .sort((a, b) => Number(a.remaining - a.asked - (b.remaining - b.asked)))
  return exceeded ? refuseExceeded(exceeded) : null
}

/** By currency. */
async function readMost(
  prisma: PrismaClient,
  costs: readonly ModelCost[],
  rates: RateTable,
): Promise<Map<string | null, bigint>> {
  const rows = await prisma.$queryRaw<{ currency: string; micros: bigint }[]>`
    SELECT key AS currency, value::bigint AS micros
      FROM jsonb_each_text(most_of(${writeCosts(costs)}::jsonb, ${JSON.stringify(rates)}::jsonb))`
  return new Map(rows.map(({ currency, micros }) => [currency, micros]))
}

/** The refusal of an operation whose cost cannot be held against a budget, in the words of the first model at fault. */
function findIncomparable(
  { unit, period, currency }: BudgetState,
  { costs, at }: ReservationRequest,
  rates: RateTable,
): EaselError | null {
  if (unit === 'TOKENS' || currency === null) return null
  const budget = { period, unit, currency }
  const unpriced = costs.find(({ most }) => most === null)
  if (unpriced) {
    const { model } = unpriced
    return new EaselError(
      'BAD_USER_INPUT',
      `There is a ${period} budget of money, and no price says the most that this may cost on ${model}. The operator can give the model prices, of 0 if it is free, or you choose another one.`,
      { reason: 'PRICE_UNKNOWN', field: 'input.model', actual: model, budget },
    )
  }
  const foreign = costs.find(({ most }) => most && !isComparable(most, currency, rates))
  if (!foreign?.most) return null
  const { model, most } = foreign
  const day = at.toISOString().slice(0, 10)
  return new EaselError(
    'BAD_USER_INPUT',
    `${model} is paid for in ${most.currency}, and the ${period} budget of money is in ${currency}: there is no rate from ${most.currency} to ${currency} for ${day}. The operator can configure one in money.rates, or you choose a model that is paid for in ${currency}.`,
    {
      reason: 'CURRENCY_NOT_CONVERTIBLE',
      field: 'input.model',
      actual: model,
      currency: most.currency,
      budget,
    },
  )
}

function isComparable(
  { micros, currency: own }: NonNullable<ModelCost['most']>,
  currency: string,
  rates: RateTable,
) {
  return micros === 0 || own === currency || rates[own]?.[currency] !== undefined
}

function refuseExceeded(exceeded: BudgetState & { asked: bigint }): EaselError {
  const { period, unit, currency, limit, remaining, asked, resetsAt } = exceeded
  return new EaselError('BUDGET_EXCEEDED', `The ${period} budget of ${unit} does not hold this request.`, {
    reason: `${period}_${unit}`,
    budget: { period, unit, ...(currency !== null && { currency }) },
    limit: `${limit}`,
    remaining: `${remaining}`,
    asked: `${asked}`,
    resetsAt: resetsAt?.toISOString() ?? null,
    hint: resetsAt ? 'WAIT_OR_RAISE_BUDGET' : 'RAISE_BUDGET',
  })
}
