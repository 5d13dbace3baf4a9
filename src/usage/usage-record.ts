import type { UsageFigures } from '../catalogue/usage-figures.ts'
import { Prisma } from '../database/generated/client.ts'
import { dayOf } from './spending-window.ts'

/** Whose usage it is and where it was spent. */
export interface UsageOwner {
  operationId: string
  userId: string
  /** As the caller named it; providers know a pseudonym only. */
  endUser: string | null
  provider: string
  model: string
  kind: 'GENERATE' | 'EDIT' | 'VARIATION'
  at: Date
}

/**
 * The record of what an operation took, in the transaction that settles it: with the day's roll-up, which reports add up
 * instead and which must agree.
 */
export async function writeUsageRecord(
  tx: Prisma.TransactionClient,
  owner: UsageOwner,
  figures: UsageFigures,
): Promise<void> {
  const { at, ...whose } = owner
  const { operationId, userId, endUser, provider, model, kind } = whose
  await tx.usageRecord.create({
    data: { operationId, userId, endUser, provider, model, kind, createdAt: at, ...toColumns(figures) },
  })
}

function toColumns(figures: UsageFigures) {
  return {
    images: figures.images,
    inputTokens: BigInt(figures.inputTokens),
    outputTokens: BigInt(figures.outputTokens),
    totalTokens: BigInt(figures.totalTokens),
    inputTextTokens: BigInt(figures.inputTextTokens),
    inputImageTokens: BigInt(figures.inputImageTokens),
    outputTextTokens: BigInt(figures.outputTextTokens),
    outputImageTokens: BigInt(figures.outputImageTokens),
    estimated: figures.estimated,
    costMicros: figures.costMicros === null ? null : BigInt(figures.costMicros),
    currency: figures.currency,
  }
}

/** The part of a settlement that adds to the day's roll-up. */
export function addToDay(
  { userId, provider, model, kind, at }: UsageOwner,
  figures: UsageFigures,
): Prisma.Sql {
  const columns = toColumns(figures)
  return Prisma.sql`
    INSERT INTO usage_day AS d (user_id, day, provider, model, kind, currency, operations, images, input_tokens,
      output_tokens, total_tokens, input_text_tokens, input_image_tokens, output_text_tokens, output_image_tokens,
      estimated, cost_micros)
    SELECT ${userId}::uuid, ${dayOf(at)}::date, ${provider}, ${model}, ${kind}::"OperationKind", ${figures.currency},
      1, ${figures.images}::bigint, ${columns.inputTokens}::bigint, ${columns.outputTokens}::bigint,
      ${columns.totalTokens}::bigint, ${columns.inputTextTokens}::bigint, ${columns.inputImageTokens}::bigint,
      ${columns.outputTextTokens}::bigint, ${columns.outputImageTokens}::bigint, ${figures.estimated ? 1 : 0}::bigint,
      ${columns.costMicros ?? 0n}::bigint
      FROM released
    ON CONFLICT (user_id, day, provider, model, kind, currency) DO UPDATE SET
      operations = d.operations + EXCLUDED.operations, images = d.images + EXCLUDED.images,
      input_tokens = d.input_tokens + EXCLUDED.input_tokens, output_tokens = d.output_tokens + EXCLUDED.output_tokens,
      total_tokens = d.total_tokens + EXCLUDED.total_tokens,
      input_text_tokens = d.input_text_tokens + EXCLUDED.input_text_tokens,
      input_image_tokens = d.input_image_tokens + EXCLUDED.input_image_tokens,
      output_text_tokens = d.output_text_tokens + EXCLUDED.output_text_tokens,
      output_image_tokens = d.output_image_tokens + EXCLUDED.output_image_tokens,
      estimated = d.estimated + EXCLUDED.estimated, cost_micros = d.cost_micros + EXCLUDED.cost_micros`
}
