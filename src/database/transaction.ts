import { setTimeout as pause } from 'node:timers/promises'
import { databaseFailure } from './database-failure.ts'
import type { Prisma, PrismaClient } from './generated/client.ts'

const maxTries = 5
const firstPauseMs = 10

/**
 * A transaction that is done again when another one was in its way (serialization failure, deadlock). The work must
 * be local: it may run several times, so a call to the outside has no place in it.
 */
export async function inTransaction<T>(
  prisma: PrismaClient,
  work: (tx: Prisma.TransactionClient) => Promise<T>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await prisma.$transaction(work)
    } catch (error) {
      if (databaseFailure(error) !== 'CONFLICT' || tried === maxTries) throw error
      await pause(firstPauseMs * 2 ** tried)
    }
  }
}
