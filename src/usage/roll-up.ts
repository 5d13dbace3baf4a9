import type { PrismaClient } from '../database/database.ts'
import { Prisma } from '../database/generated/client.ts'
import { readReport } from '../database/long-report.ts'

export interface RollUpCheck {
  /** Whether the roll-up said what the records say. */
  agrees: boolean
  /** How many of its rows did not, before a repair. */
  differences: number
}

const keys = Prisma.sql`user_id, day, provider, model, kind, currency`
const sums = Prisma.sql`operations, images, input_tokens, output_tokens, total_tokens, input_text_tokens,
  input_image_tokens, output_text_tokens, output_image_tokens, estimated, cost_micros`

/** `usage_day` as it must be. */
const recomputed = Prisma.sql`
  SELECT user_id, (created_at AT TIME ZONE 'UTC')::date AS day, provider, model, kind, currency,
         COUNT(*) AS operations, SUM(images)::bigint AS images, SUM(input_tokens)::bigint AS input_tokens,
         SUM(output_tokens)::bigint AS output_tokens, SUM(total_tokens)::bigint AS total_tokens,
         SUM(input_text_tokens)::bigint AS input_text_tokens, SUM(input_image_tokens)::bigint AS input_image_tokens,
         SUM(output_text_tokens)::bigint AS output_text_tokens,
         SUM(output_image_tokens)::bigint AS output_image_tokens,
         COUNT(*) FILTER (WHERE estimated) AS estimated, COALESCE(SUM(cost_micros), 0)::bigint AS cost_micros
    FROM usage_record GROUP BY 1, 2, 3, 4, 5, 6`

/** Compares the roll-up with the records, all of them; with `repair` it also makes the roll-up right. */
export async function verifyRollUps(
  prisma: PrismaClient,
  { repair }: { repair: boolean },
): Promise<RollUpCheck> {
  const differences = await readReport(prisma, repair ? repairRollUps : countDifferences)
  return { agrees: differences === 0, differences }
}

async function countDifferences(client: Pick<PrismaClient, '$queryRaw'>): Promise<number> {
  const rows = await client.$queryRaw<{ differences: number }[]>`
    WITH truth AS (${recomputed}),
         kept AS (SELECT ${keys}, ${sums} FROM usage_day)
    SELECT COUNT(*)::int AS differences
      FROM (SELECT DISTINCT ${keys} FROM (
              (SELECT * FROM truth EXCEPT SELECT * FROM kept) UNION ALL (SELECT * FROM kept EXCEPT SELECT * FROM truth)
            ) AS odd) AS odd_keys`
  return rows[0]?.differences ?? 0
}

/** Captures wait while it runs: one that has not committed is neither counted here nor lost afterwards. */
async function repairRollUps(tx: Prisma.TransactionClient): Promise<number> {
  await tx.$executeRaw`LOCK TABLE usage_day IN SHARE ROW EXCLUSIVE MODE`
  const differences = await countDifferences(tx)
  if (differences === 0) return 0
  await tx.$executeRaw`DELETE FROM usage_day`
  await tx.$executeRaw`INSERT INTO usage_day (${keys}, ${sums}) SELECT ${keys}, ${sums} FROM (${recomputed}) AS truth`
  return differences
}
