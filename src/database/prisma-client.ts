import { toUnavailable } from './database-failure.ts'
import { PrismaClient } from './generated/client.ts'

type Adapter = ConstructorParameters<typeof PrismaClient>[0]['adapter']

/** Prisma's own 2 s to begin and 5 s to end are short for an embedded database, where transactions take turns. */
const transactionOptions = { maxWait: 5_000, timeout: 10_000 }

/** `onQuery` hears of every statement, without its values. */
export function createPrismaClient(
  adapter: NonNullable<Adapter>,
  onQuery: ((sql: string) => void) | undefined,
): PrismaClient {
  if (!onQuery) return tellingUnavailable(new PrismaClient({ adapter, transactionOptions }))
  const prisma = new PrismaClient({ adapter, transactionOptions, log: [{ emit: 'event', level: 'query' }] })
  prisma.$on('query', ({ query }) => onQuery(query))
  return tellingUnavailable(prisma)
}

/** Whatever is asked of a database that cannot be reached ends as UNAVAILABLE, so that callers know to come back. */
function tellingUnavailable(prisma: PrismaClient): PrismaClient {
  const telling = prisma.$extends({
    query: {
      $allOperations: ({ args, query }) =>
        query(args).catch((error: unknown) => {
          throw toUnavailable(error, { fromClient: true })
        }),
    },
  })
  // It has everything but `$on`, which nobody calls any more.
  return telling as unknown as PrismaClient
}
