import type { PrismaClient } from '../database/database.ts'
import type { User } from '../database/generated/client.ts'
import type { Role } from './viewer.ts'

export interface Users {
  create(user: { name: string; role: Role }): Promise<User>
  /** Finds the user by its external id, or makes it. */
  ensure(user: { externalId: string; name: string; role: Role }): Promise<User>
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
  }
}
