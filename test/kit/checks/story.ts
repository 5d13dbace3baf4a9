import type { PrismaClient } from '../../../src/database/database.ts'

/** An operation as its database knows it: what it came to, and by which steps. */
export interface OperationStory {
  id: string
  prompt: string
  status: string
  stage: string
  error: string | null
  attempts: string[]
  /** Each entry's kind and tokens, in order of the alphabet. */
  ledger: string[]
  events: string[]
  /** How many it resulted in. */
  images: number
}

/** Of the operations that were accepted since then, the first one first. */
export async function tellStories(prisma: PrismaClient, since: number): Promise<OperationStory[]> {
  const operations = await prisma.operation.findMany({
    where: { createdAt: { gte: new Date(since) } },
    include: {
      attempts: { orderBy: { number: 'asc' } },
      events: { orderBy: { sequence: 'asc' } },
      images: { where: { role: 'RESULT' } },
    },
    orderBy: { id: 'asc' },
  })
  const ids = operations.map(({ id }) => id)
  const entries = await prisma.ledgerEntry.findMany({ where: { operationId: { in: ids } } })
  const ledgers = Map.groupBy(entries, ({ operationId }) => operationId)
  return operations.map(({ id, input, status, stage, error, attempts, events, images }) => ({
    id,
    prompt: String((input as { prompt?: unknown }).prompt),
    status,
    stage,
    error: error === null ? null : JSON.stringify(error),
    attempts: attempts.map((each) => `${each.state} ${each.id} at ${each.provider}`),
    ledger: (ledgers.get(id) ?? []).map(({ kind, tokens }) => `${kind} ${tokens}`).sort(),
    events: events.map((each) => `${each.sequence} ${each.type} ${each.status} ${each.stage}`),
    images: images.length,
  }))
}

export const writeStory = ({ id, prompt, status, stage, error, ...told }: OperationStory) =>
  [
    `operation ${id} "${prompt}": ${status} ${stage} ${error ?? ''}`.trimEnd(),
    `  attempts: ${told.attempts.join(', ') || 'none'}`,
    `  ledger: ${told.ledger.join(', ') || 'empty'}`,
    `  events: ${told.events.join(', ') || 'none'}`,
    `  images: ${told.images}`,
  ].join('\n')
