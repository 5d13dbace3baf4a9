import type { UsageFigures } from '../catalogue/usage-figures.ts'
import { Prisma } from '../database/generated/client.ts'
import { addToHour, type UsageOwner } from './usage-record.ts'

/** What an ended operation used. */
export interface Settlement {
  /** The amount that the user pays for images; null gives the whole reservation back. */
  charge: { owner: UsageOwner; figures: UsageFigures } | null
  /** The house's loss: images that the provider may have charged for and that did not arrive, or its reported usage. */
  lost: ShareLost | UsageFigures | null
}

/** The missing images and the requested ones: the loss is their share of the reservation. */
export interface ShareLost {
  images: number
  of: number
}

/** The columns that the parts of a settlement return. */
export interface Settled {
  /** False when there is no reservation: such an operation must not end. */
  isReserved: boolean
  /** False when the reservation had ended before: nothing was written. */
  isSettled: boolean
  /** The operation used more than was reserved. It is booked all the same, and the operator should find out why. */
  exceeded: boolean
}

/**
 * The parts of a statement that end the reservation of the operation that it `moved`, once even if run again: the ledger,
 * the user's spending and the hour's roll-up. The user pays what the operation really used. Images that may have been made
 * and did not arrive are the house's loss, as their share of the reservation, rounded up.
 */
export function settle({ charge, lost }: Settlement): Record<string, Prisma.Sql> {
  const tokens = Prisma.sql`${BigInt(charge?.figures.totalTokens ?? 0)}::bigint`
  const micros = Prisma.sql`${BigInt(charge?.figures.costMicros ?? 0)}::bigint`
  return {
    reserved: Prisma.sql`
      SELECT ledger_entry.* FROM ledger_entry JOIN moved ON ledger_entry.operation_id = moved.id
       WHERE ledger_entry.kind = 'RESERVE' AND ledger_entry.number = 0`,
    locked: Prisma.sql`
      SELECT spending.user_id FROM spending JOIN reserved ON spending.user_id = reserved.user_id
       WHERE spending.period = 'TOTAL' FOR UPDATE OF spending`,
    released: Prisma.sql`
      INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, currency, tokens, cost_micros)
      SELECT operation_id, 'RELEASE'::"LedgerEntryKind", 0, reserved.user_id, day, currency, tokens - ${tokens},
             cost_micros - CASE WHEN currency = ${charge?.figures.currency ?? null}::text THEN ${micros} ELSE 0 END
        FROM reserved LEFT JOIN locked ON locked.user_id = reserved.user_id
      ON CONFLICT DO NOTHING RETURNING operation_id`,
    paid: Prisma.sql`
      SELECT reserved.*, ${usedMoney(charge?.figures)} AS used
        FROM reserved JOIN released ON released.operation_id = reserved.operation_id`,
    spent: Prisma.sql`
      UPDATE spending
         SET tokens_used = tokens_used + ${tokens}, tokens_reserved = tokens_reserved - reserved.tokens
        FROM reserved JOIN released ON released.operation_id = reserved.operation_id
       WHERE spending.user_id = reserved.user_id AND spending.window_start = CASE spending.period
               WHEN 'DAY' THEN reserved.day WHEN 'MONTH' THEN date_trunc('month', reserved.day)::date
               ELSE '1970-01-01' END`,
    spent_money: Prisma.sql`
      INSERT INTO money_spending AS m (user_id, period, window_start, currency, used_micros, reserved_micros)
      SELECT user_id, w.period, w.window_start, c.currency, coalesce((used ->> c.currency)::bigint, 0),
             -coalesce((booked ->> c.currency)::bigint, 0)
        FROM paid CROSS JOIN LATERAL jsonb_object_keys(booked || used) AS c (currency)
       CROSS JOIN LATERAL (VALUES ('DAY'::"BudgetPeriod", day), ('MONTH', date_trunc('month', day)::date),
                                  ('TOTAL', '1970-01-01'::date)) AS w (period, window_start)
      ON CONFLICT (user_id, period, window_start, currency)
      DO UPDATE SET used_micros = m.used_micros + EXCLUDED.used_micros,
                    reserved_micros = m.reserved_micros + EXCLUDED.reserved_micros`,
    ...(charge && {
      captured: Prisma.sql`
        INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, currency, tokens, cost_micros, booked)
        SELECT operation_id, 'CAPTURE'::"LedgerEntryKind", 0, user_id, day, ${charge.figures.currency},
               ${tokens}, ${micros}, used
          FROM paid`,
      rolled_up: addToHour(charge.owner, charge.figures),
    }),
    ...(lost && isLoss(lost) && { lost: bookLoss(lost) }),
  }
}

const isLoss = (lost: ShareLost | UsageFigures) => !('of' in lost) || lost.images > 0

/** What the user pays, by currency, at the rates of the reservation. */
function usedMoney(figures: UsageFigures | undefined): Prisma.Sql {
  if (!figures) return Prisma.sql`'{}'::jsonb`
  const { costMicros, currency } = figures
  const micros = costMicros === null ? null : BigInt(costMicros)
  return Prisma.sql`money_used(reserved.booked, ${micros}::bigint, ${currency}, reserved.rates)`
}

function bookLoss(lost: ShareLost | UsageFigures): Prisma.Sql {
  const { tokens, micros, currency } = 'of' in lost ? shareOf(lost) : amountOf(lost)
  return Prisma.sql`
    INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, currency, tokens, cost_micros)
    SELECT operation_id, 'PROVIDER_LOSS'::"LedgerEntryKind", 0, user_id, day, ${currency}, ${tokens}, ${micros}
      FROM paid`
}

/** A share of the reservation, rounded up. */
function shareOf({ images, of }: ShareLost) {
  const share = (whole: Prisma.Sql) =>
    Prisma.sql`(${whole} * ${BigInt(images)}::bigint + ${BigInt(of - 1)}::bigint) / ${BigInt(of)}::bigint`
  return {
    tokens: share(Prisma.sql`tokens`),
    micros: share(Prisma.sql`cost_micros`),
    currency: Prisma.sql`currency`,
  }
}

/** Without a price the reserved cost is booked: the real one is at most as high. */
function amountOf({ totalTokens, costMicros, currency }: UsageFigures) {
  const tokens = Prisma.sql`${BigInt(totalTokens)}::bigint`
  if (costMicros === null) return { tokens, micros: Prisma.sql`cost_micros`, currency: Prisma.sql`currency` }
  return { tokens, micros: Prisma.sql`${BigInt(costMicros)}::bigint`, currency: Prisma.sql`${currency}` }
}

/** The columns that the end of the statement returns from the parts. */
export function settledAnswer({ charge }: Settlement): { answer: Prisma.Sql; from: Prisma.Sql } {
  const { totalTokens = 0, costMicros = 0, currency = null } = charge?.figures ?? {}
  return {
    answer: Prisma.sql`reserved.operation_id IS NOT NULL AS "isReserved", released.operation_id IS NOT NULL AS "isSettled",
      coalesce(reserved.tokens < ${BigInt(totalTokens)}::bigint
               OR coalesce((reserved.booked ->> ${currency}::text)::bigint, 0) < ${BigInt(costMicros ?? 0)}::bigint, false)
        AS exceeded`,
    from: Prisma.sql`LEFT JOIN reserved ON true LEFT JOIN released ON true`,
  }
}
