import { toUnavailable } from './database-failure.ts'
import { PrismaClient } from './generated/client.ts'

type Adapter = ConstructorParameters<typeof PrismaClient>[0]['adapter']

export interface PrismaClientOptions {
  /** How long a transaction waits until it may begin before the database counts as away. */
  turnWaitMs: number
  /** From the first statement of a transaction to its last. */
  transactionMs: number
  /** Hears of every statement, without its values. */
  onQuery: ((sql: string) => void) | undefined
}

export function createPrismaClient(
  adapter: NonNullable<Adapter>,
  { turnWaitMs, transactionMs, onQuery }: PrismaClientOptions,
): PrismaClient {
  const transactionOptions = { maxWait: turnWaitMs, timeout: transactionMs }
  if (!onQuery) return tellingUnavailable(new PrismaClient({ adapter, transactionOptions }))
  const prisma = new PrismaClient({ adapter, transactionOptions, log: [{ emit: 'event', level: 'query' }] })
  prisma.$on('query', ({ query }) => onQuery(query))
  return tellingUnavailable(prisma)
}

/** Calls of a database that is away throw UNAVAILABLE, so that clients try again. */
function tellingUnavailable(prisma: PrismaClient): PrismaClient {
  const telling = prisma.$extends({
    query: {
      $allOperations: ({ args, query }) =>
        query(args).catch((error: unknown) => {
          throw toUnavailable(error, { fromClient: true })
        }),
    },
  })
  // It has everything but `$on`, which is not called any more.
  return telling as unknown as PrismaClient
}
