import type { PrismaClient } from '../database/database.ts'
import type { User } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import type { Role } from './viewer.ts'

/** How many users one list gives at most. */
const maxPage = 100

export interface Users {
  create(user: { name: string; role: Role }): Promise<User>
  /** The user known outside by this name; made on first sight. */
  ensure(user: { externalId: string; name: string; role: Role }): Promise<User>
  find(id: string): Promise<User | null>
  findMany(ids: readonly string[]): Promise<Map<string, User>>
  /** Newest first, after the user `after`. */
  list(page?: { first?: number; after?: string }): Promise<User[]>
}

export function createUsers({
  prisma,
  newId,
  now,
}: {
  prisma: PrismaClient
  newId: () => string
  now: () => Date
}): Users {
  const byExternalId = (externalId: string) => prisma.user.findUnique({ where: { externalId } })
  return {
    create: (user) => prisma.user.create({ data: { id: newId(), createdAt: now(), ...user } }),
    ensure: async ({ externalId, name, role }) => {
      const known = await byExternalId(externalId)
      if (known) return known
      // Several first requests at once: one makes the user, the others find it.
      const data = { id: newId(), createdAt: now(), externalId, name, role }
      await prisma.user.createMany({ data, skipDuplicates: true })
      const user = await byExternalId(externalId)
      if (!user) throw new Error('A user was made and is gone')
      return user
    },
    find: (id) => prisma.user.findUnique({ where: { id } }),
    findMany: async (ids) => {
      const users = await prisma.user.findMany({ where: { id: { in: [...ids] } } })
      return new Map(users.map((user) => [user.id, user]))
    },
    list: ({ first = maxPage, after } = {}) => {
      if (!Number.isInteger(first) || first < 1 || first > maxPage) throw pageOutOfRange(first)
      return prisma.user.findMany({
        take: first,
        orderBy: { id: 'desc' },
        ...(after === undefined ? {} : { where: { id: { lt: after } } }),
      })
    },
  }
}

function pageOutOfRange(first: number): EaselError {
  return new EaselError('BAD_USER_INPUT', `A page has 1 to ${maxPage} users.`, {
    reason: 'OUT_OF_RANGE',
    field: 'first',
    allowed: { min: 1, max: maxPage },
    actual: first,
  })
}
