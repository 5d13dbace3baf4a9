import type { OperationKind } from '../catalogue/operation-kind.ts'
import { fillTokens } from '../catalogue/tokens.ts'
import type { UsageFigures } from '../catalogue/usage-figures.ts'
import { Prisma } from '../database/generated/client.ts'
import {
  addedColumns,
  columnName,
  hourColumns,
  hourKeys,
  recordColumns,
  recordKeys,
} from './usage-columns.ts'

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

/**
 * Writes the usage record of an operation, in the transaction that settles it. Reports read the hour's roll-up instead,
 * which is written in the same transaction and must agree with the records.
 */
export async function writeUsageRecord(
  tx: Prisma.TransactionClient,
  owner: UsageOwner,
  figures: UsageFigures,
): Promise<void> {
  await tx.usageRecord.create({ data: toRecord(owner, figures) })
}

function toRecord(
  { at, operationId, userId, endUser, provider, model, kind }: UsageOwner,
  { images, estimated, costMicros, currency, ...counts }: UsageFigures,
) {
  return {
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
  }
}

/** The record as a row of its table, in JSON. */
function asRow(record: ReturnType<typeof toRecord>): string {
  const row = Object.entries(record).map(([key, value]) => [
    columnName(key),
    typeof value === 'bigint' ? `${value}` : value,
  ])
  return JSON.stringify(Object.fromEntries(row))
}

/** The part of a settlement that adds to the hour's roll-up, in the very columns by which the roll-up is verified. */
export function addToHour(owner: UsageOwner, figures: UsageFigures): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO usage_hour AS h (${hourKeys}, ${hourColumns})
    SELECT ${recordKeys}, ${recordColumns}
      FROM released CROSS JOIN jsonb_populate_record(NULL::usage_record, ${asRow(toRecord(owner, figures))}::jsonb)
    ON CONFLICT (${hourKeys}) DO UPDATE SET ${addedColumns}`
}
