import { setTimeout as pause } from 'node:timers/promises'
import { databaseFailure, toUnavailable } from './database-failure.ts'
import type { Prisma, PrismaClient } from './generated/client.ts'

const maxTries = 5
const firstPauseMs = 10

/**
 * Runs a transaction again after a conflict with another one (serialization failure, deadlock). The work may run several
 * times, so it must not call anything outside the database.
 */
export function inTransaction<T>(
  prisma: PrismaClient,
  work: (tx: Prisma.TransactionClient) => Promise<T>,
): Promise<T> {
  return retryConflicts(() => runOnce(prisma, work))
}

/** The same for a statement that is a transaction of its own. */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work()
    } catch (error) {
      if (databaseFailure(error) !== 'CONFLICT' || tried === maxTries) throw error
      await pause(firstPauseMs * 2 ** tried)
    }
  }
}

/** An error that the work did not throw came from BEGIN or COMMIT, and so from the database. */
async function runOnce<T>(
  prisma: PrismaClient,
  work: (tx: Prisma.TransactionClient) => Promise<T>,
): Promise<T> {
  let thrown: unknown
  const noting = (tx: Prisma.TransactionClient) =>
    work(tx).catch((error: unknown) => {
      thrown = error
      throw error
    })
  try {
    return await prisma.$transaction(noting)
  } catch (error) {
    throw toUnavailable(error, { fromClient: error !== thrown })
  }
}
