import type { PrismaClient } from '../database/database.ts'
import { Prisma } from '../database/generated/client.ts'
import { readReport } from '../database/long-report.ts'
import { hourColumns, hourKeys, recordKeys, recordSums } from './usage-columns.ts'

export interface RollUpCheck {
  /** Whether the roll-up agreed with the records. */
  agrees: boolean
  /** How many of its rows did not agree, before a repair. */
  differences: number
}

/** `usage_hour` as the records give it. */
const recomputed = Prisma.sql`SELECT ${recordKeys}, ${recordSums} FROM usage_record GROUP BY 1, 2, 3, 4, 5, 6`

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
         kept AS (SELECT ${hourKeys}, ${hourColumns} FROM usage_hour)
    SELECT COUNT(*)::int AS differences
      FROM (SELECT DISTINCT ${hourKeys} FROM (
              (SELECT * FROM truth EXCEPT SELECT * FROM kept) UNION ALL (SELECT * FROM kept EXCEPT SELECT * FROM truth)
            ) AS odd) AS odd_keys`
  return rows[0]?.differences ?? 0
}

/** Captures wait while it runs: one that has not committed is neither counted here nor lost afterwards. */
async function repairRollUps(tx: Prisma.TransactionClient): Promise<number> {
  await tx.$executeRaw`LOCK TABLE usage_hour IN SHARE ROW EXCLUSIVE MODE`
  const differences = await countDifferences(tx)
  if (differences === 0) return 0
  await tx.$executeRaw`DELETE FROM usage_hour`
  await tx.$executeRaw`INSERT INTO usage_hour (${hourKeys}, ${hourColumns}) SELECT ${hourKeys}, ${hourColumns} FROM (${recomputed}) AS truth`
  return differences
}
