import type { Prisma, PrismaClient } from './generated/client.ts'

/** Below the time after which the driver gives a connection up (`queryMs` of connection-pool.ts). */
const statementMs = 25_000
/** A million records take seconds; far more than that is a reason to stop and look. */
const transactionMs = 120_000

/** Reads many rows: the server gives its statements more time than others. */
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
