import type { Prisma, PrismaClient } from '../database/database.ts'
import type { User } from '../database/generated/client.ts'
import { inTransaction } from '../database/transaction.ts'
import type { RecordAct } from './audit-log.ts'
import { userDeleted } from './credential-error.ts'
import type { Role, Viewer } from './viewer.ts'

export interface Users {
  create(user: { name: string; role: Role }, by?: Viewer): Promise<User>
  /** Finds the user by its external id, or makes it; refuses one that was deleted. */
  ensure(user: { externalId: string; name: string; role: Role }): Promise<User>
}

export interface UsersOptions {
  prisma: PrismaClient
  record: RecordAct
  /** What another room gives to a new user, in the transaction that makes it. The users of the operator get nothing. */
  onNewUser: (tx: Prisma.TransactionClient, userId: string) => Promise<void>
  newId: () => string
  now: () => Date
}

export function createUsers({ prisma, record, onNewUser, newId, now }: UsersOptions): Users {
  const byExternalId = (externalId: string) => prisma.user.findUnique({ where: { externalId } })
  return {
    create: (user, by) =>
      inTransaction(prisma, async (tx) => {
        const made = await tx.user.create({ data: { id: newId(), createdAt: now(), ...user } })
        await onNewUser(tx, made.id)
        await record(tx, by, { action: 'CREATE_USER', userId: made.id, details: { role: user.role } })
        return made
      }),
    ensure: async ({ externalId, name, role }) => {
      const known = await byExternalId(externalId)
      if (known) return known
      if (await wasDeleted(prisma, externalId)) throw userDeleted()
      // Several first requests at once: one makes the user, the others find it.
      const data = { id: newId(), createdAt: now(), externalId, name, role }
      await inTransaction(prisma, async (tx) => {
        const { count } = await tx.user.createMany({ data, skipDuplicates: true })
        if (count > 0 && role === 'MEMBER') await onNewUser(tx, data.id)
      })
      const user = await byExternalId(externalId)
      if (!user) throw new Error('A user was made and is gone')
      return user
    },
  }
}

/** What a deleted user is known by, if it comes again: a hash, salted with its id. See user-life.ts. */
async function wasDeleted(prisma: PrismaClient, externalId: string): Promise<boolean> {
  const [found] = await prisma.$queryRaw<unknown[]>`
    SELECT id FROM "user"
     WHERE deleted_at IS NOT NULL
       AND external_id = 'deleted:' || encode(sha256(convert_to(id::text || ${externalId}::text, 'UTF8')), 'hex')`
  return found !== undefined
}
