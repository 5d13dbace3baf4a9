import type { Prisma, PrismaClient } from './generated/client.ts'

/** Below the time after which the driver gives a connection up (`queryMs` of connection-pool.ts). */
const statementMs = 25_000
/** A million records take seconds; a report of several minutes has gone wrong. */
const transactionMs = 120_000

/** Runs a report over many rows with a longer time limit than other statements have. */
export function readReport<T>(
  prisma: PrismaClient,
  read: (tx: Prisma.TransactionClient) => Promise<T>,
): Promise<T> {
  return prisma.$transaction(
    async (tx) => {
      await tx.$executeRaw`SELECT set_config('statement_timeout', ${`${statementMs}`}, true)`
      return read(tx)
    },
    { timeout: transactionMs },
  )
}
