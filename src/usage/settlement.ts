import type { UsageFigures } from '../catalogue/usage-figures.ts'
import { Prisma } from '../database/generated/client.ts'
import { addToDay, type UsageOwner } from './usage-record.ts'

/** What an operation took in the end. */
export interface Settlement {
  /** What the user pays for images; null gives back everything. */
  charge: { owner: UsageOwner; figures: UsageFigures } | null
  /** What the provider may have made and charge for and nobody got, or what it said that this took. */
  lost: ShareLost | UsageFigures | null
}

/** Images that nobody got, of how many were asked for: their share of the most that was foreseen is lost. */
export interface ShareLost {
  images: number
  of: number
}

/** What the parts of a settlement answer. */
export interface Settled {
  /** False when nothing was ever reserved: such an operation must not end. */
  isReserved: boolean
  /** False when the reservation had ended before: nothing was written. */
  isSettled: boolean
  /** The operation took more than the most that was foreseen. It is booked all the same; somebody should look. */
  exceeded: boolean
}

/**
 * The parts of a statement that end the reservation of the operation that it `moved`, once, whoever asks again: the
 * ledger, the user's spending and the day's roll-up. The user pays what the operation really took. What a provider may
 * have done for nobody is the house's loss, as its share of the most that was foreseen, rounded up.
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
             cost_micros - ${micros}
        FROM reserved LEFT JOIN locked ON locked.user_id = reserved.user_id
      ON CONFLICT DO NOTHING RETURNING operation_id`,
    spent: Prisma.sql`
      UPDATE spending
         SET tokens_used = tokens_used + ${tokens}, tokens_reserved = tokens_reserved - reserved.tokens,
             cost_used_micros = cost_used_micros + ${micros},
             cost_reserved_micros = cost_reserved_micros - reserved.cost_micros
        FROM reserved JOIN released ON released.operation_id = reserved.operation_id
       WHERE spending.user_id = reserved.user_id AND spending.window_start = CASE spending.period
               WHEN 'DAY' THEN reserved.day WHEN 'MONTH' THEN date_trunc('month', reserved.day)::date
               ELSE '1970-01-01' END`,
    ...(charge && {
      captured: Prisma.sql`
        INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, currency, tokens, cost_micros)
        SELECT reserved.operation_id, 'CAPTURE'::"LedgerEntryKind", 0, user_id, day, ${charge.figures.currency},
               ${tokens}, ${micros}
          FROM reserved JOIN released ON released.operation_id = reserved.operation_id`,
      rolled_up: addToDay(charge.owner, charge.figures),
    }),
    ...(lost && isLoss(lost) && { lost: bookLoss(lost) }),
  }
}

const isLoss = (lost: ShareLost | UsageFigures) => !('of' in lost) || lost.images > 0

function bookLoss(lost: ShareLost | UsageFigures): Prisma.Sql {
  const { tokens, micros } = 'of' in lost ? shareOf(lost) : amountOf(lost)
  return Prisma.sql`
    INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, currency, tokens, cost_micros)
    SELECT reserved.operation_id, 'PROVIDER_LOSS'::"LedgerEntryKind", 0, user_id, day, currency, ${tokens}, ${micros}
      FROM reserved JOIN released ON released.operation_id = reserved.operation_id`
}

/** Of the most that was foreseen, rounded up. */
function shareOf({ images, of }: ShareLost) {
  const share = (whole: Prisma.Sql) =>
    Prisma.sql`(${whole} * ${BigInt(images)}::bigint + ${BigInt(of - 1)}::bigint) / ${BigInt(of)}::bigint`
  return { tokens: share(Prisma.sql`tokens`), micros: share(Prisma.sql`cost_micros`) }
}

/** What has no price costs at most what was foreseen. */
function amountOf({ totalTokens, costMicros }: UsageFigures) {
  return {
    tokens: Prisma.sql`${BigInt(totalTokens)}::bigint`,
    micros: costMicros === null ? Prisma.sql`cost_micros` : Prisma.sql`${BigInt(costMicros)}::bigint`,
  }
}

/** The answer of the parts, for the end of the statement. */
export function settledAnswer({ charge }: Settlement): { answer: Prisma.Sql; from: Prisma.Sql } {
  const { totalTokens = 0, costMicros = 0 } = charge?.figures ?? {}
  return {
    answer: Prisma.sql`reserved.operation_id IS NOT NULL AS "isReserved", released.operation_id IS NOT NULL AS "isSettled",
      coalesce(reserved.tokens < ${BigInt(totalTokens)}::bigint
               OR reserved.cost_micros < ${BigInt(costMicros ?? 0)}::bigint, false) AS exceeded`,
    from: Prisma.sql`LEFT JOIN reserved ON true LEFT JOIN released ON true`,
  }
}
