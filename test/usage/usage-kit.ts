import type { UsageFigures } from '../../src/catalogue/usage-figures.ts'
import { Prisma, type PrismaClient } from '../../src/database/generated/client.ts'
import { transit } from '../../src/operations/transitions/statement.ts'
import type { Settled, Settlement } from '../../src/usage/settlement.ts'
import type { Usage } from '../../src/usage/usage.ts'
import { addToHour, type UsageOwner, writeUsageRecord } from '../../src/usage/usage-record.ts'

type Client = Pick<Prisma.TransactionClient, '$queryRaw'>

/** A settlement alone: it is a part of the statement that ends an operation. */
export async function settle(
  client: Client,
  usage: Usage,
  operationId: string,
  settlement: Settlement,
): Promise<Settled> {
  return transit<Settled>(client, {
    moved: Prisma.sql`SELECT ${operationId}::uuid AS id`,
    parts: usage.settle(settlement),
    ...usage.settledAnswer(settlement),
  })
}

export const release = (client: Client, usage: Usage, operationId: string) =>
  settle(client, usage, operationId, { charge: null, lost: null })

export const releaseAsLoss = (client: Client, usage: Usage, operationId: string) =>
  settle(client, usage, operationId, { charge: null, lost: { images: 1, of: 1 } })

/** What a user pays in the end, with its record. */
export async function capture(
  tx: Prisma.TransactionClient,
  usage: Usage,
  owner: UsageOwner,
  { figures, unknown = null }: { figures: UsageFigures; unknown?: Settlement['lost'] },
): Promise<Settled> {
  const settled = await settle(tx, usage, owner.operationId, { charge: { owner, figures }, lost: unknown })
  if (settled.isSettled) await usage.record(tx, owner, figures)
  return settled
}

export async function createUser(prisma: PrismaClient): Promise<string> {
  const user = await prisma.user.create({ data: { id: crypto.randomUUID(), name: 'Ada' } })
  return user.id
}

/** What an operation took, without a reservation. */
export async function recordUsage(
  tx: Prisma.TransactionClient,
  owner: UsageOwner,
  figures: UsageFigures,
): Promise<void> {
  await tx.$executeRaw`WITH released AS (SELECT 1) ${addToHour(owner, figures)}`
  await writeUsageRecord(tx, owner, figures)
}

/** A usage record belongs to an operation, so there must be one. */
export async function createOperation(prisma: PrismaClient, userId: string): Promise<string> {
  const at = new Date()
  const operation = await prisma.operation.create({
    data: {
      id: crypto.randomUUID(),
      kind: 'EDIT',
      userId,
      fingerprint: '',
      input: {},
      provider: 'sandbox',
      model: 'gpt-image-1',
      createdAt: at,
      modifiedAt: at,
      deadlineAt: at,
    },
  })
  return operation.id
}

export function makeFigures(some: Partial<UsageFigures> = {}): UsageFigures {
  return {
    inputTokens: 0,
    outputTokens: 0,
    totalTokens: 0,
    inputTextTokens: 0,
    inputImageTokens: 0,
    outputTextTokens: 0,
    outputImageTokens: 0,
    cachedInputTokens: 0,
    images: 1,
    costMicros: 0,
    currency: 'USD',
    estimated: false,
    ...some,
  }
}
