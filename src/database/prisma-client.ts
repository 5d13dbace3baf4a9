import { PrismaClient } from './generated/client.ts'

type Adapter = ConstructorParameters<typeof PrismaClient>[0]['adapter']

/** `onQuery` hears of every statement, without its values. */
export function createPrismaClient(
  adapter: NonNullable<Adapter>,
  onQuery: ((sql: string) => void) | undefined,
): PrismaClient {
  if (!onQuery) return new PrismaClient({ adapter })
  const prisma = new PrismaClient({ adapter, log: [{ emit: 'event', level: 'query' }] })
  prisma.$on('query', ({ query }) => onQuery(query))
  return prisma
}
