import type { OperationKind } from '../catalogue/operation-kind.ts'
import { fillTokens } from '../catalogue/tokens.ts'
import type { UsageFigures } from '../catalogue/usage-figures.ts'
import type { Prisma } from '../database/database.ts'
import { addedColumns, dayColumns, dayKeys, recordColumns, recordKeys } from './usage-columns.ts'

/** Whose usage it is and where it was spent. */
export interface UsageOwner {
  operationId: string
  userId: string
  /** As the caller named it; providers know a pseudonym only. */
  endUser: string | null
  provider: string
  model: string
  kind: OperationKind
  at: Date
}

/** The record, and its day's roll-up in the same breath: reports add up the one or the other and must agree. */
export async function writeUsageRecord(
  tx: Prisma.TransactionClient,
  { at, operationId, userId, endUser, provider, model, kind }: UsageOwner,
  { images, estimated, costMicros, currency, ...counts }: UsageFigures,
): Promise<void> {
  await tx.usageRecord.create({
    data: {
      operationId,
      userId,
      endUser,
      provider,
      model,
      kind,
      createdAt: at,
      ...fillTokens((key) => BigInt(counts[key])),
      images,
      estimated,
      costMicros: costMicros === null ? null : BigInt(costMicros),
      currency,
    },
  })
  await addToDay(tx, operationId)
}

/** By the record itself, and so in the very figures by which the roll-up is verified. */
async function addToDay(tx: Prisma.TransactionClient, operationId: string): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO usage_day AS d (${dayKeys}, ${dayColumns})
    SELECT ${recordKeys}, ${recordColumns} FROM usage_record WHERE operation_id = ${operationId}::uuid
    ON CONFLICT (${dayKeys}) DO UPDATE SET ${addedColumns}`
}
