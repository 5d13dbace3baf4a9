import type { UsageFigures } from '../../src/catalogue/usage-figures.ts'
import type { PrismaClient } from '../../src/database/database.ts'

export async function createUser(prisma: PrismaClient): Promise<string> {
  const user = await prisma.user.create({ data: { id: crypto.randomUUID(), name: 'Ada' } })
  return user.id
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
    images: 1,
    costMicros: 0,
    currency: 'USD',
    estimated: false,
    ...some,
  }
}
