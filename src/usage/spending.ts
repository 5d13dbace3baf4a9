import type { Prisma } from '../database/database.ts'
import { type SpendingWindows, windowsAt } from './spending-window.ts'

type Transaction = Prisma.TransactionClient

export interface Amount {
  tokens: bigint
  costMicros: bigint
}

/** The rows a user's reservation books into; they exist from the first one on. */
export async function createSpending(
  tx: Transaction,
  userId: string,
  { DAY, MONTH, TOTAL }: SpendingWindows,
): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO spending (user_id, period, window_start)
    VALUES (${userId}::uuid, 'TOTAL', ${TOTAL}::date), (${userId}::uuid, 'MONTH', ${MONTH}::date),
           (${userId}::uuid, 'DAY', ${DAY}::date)
    ON CONFLICT DO NOTHING`
}

/** The TOTAL row is the user's lock: who holds it may write the other windows, so nobody waits in a circle. */
export async function lockSpending(tx: Transaction, userId: string): Promise<void> {
  await tx.$queryRaw`
    SELECT 1 AS locked FROM spending WHERE user_id = ${userId}::uuid AND period = 'TOTAL' FOR UPDATE`
}

/** Turns what was reserved on a day into what was used, in that day's windows. */
export async function settleSpending(
  tx: Transaction,
  { userId, day, reserved, used }: { userId: string; day: Date; reserved: Amount; used: Amount },
): Promise<void> {
  const { DAY, MONTH, TOTAL } = windowsAt(day)
  await tx.$executeRaw`
    UPDATE spending
       SET tokens_used = tokens_used + ${used.tokens}::bigint,
           tokens_reserved = tokens_reserved - ${reserved.tokens}::bigint,
           cost_used_micros = cost_used_micros + ${used.costMicros}::bigint,
           cost_reserved_micros = cost_reserved_micros - ${reserved.costMicros}::bigint
     WHERE user_id = ${userId}::uuid
       AND window_start = CASE period
             WHEN 'DAY' THEN ${DAY}::date WHEN 'MONTH' THEN ${MONTH}::date ELSE ${TOTAL}::date END`
}
