import type { PrismaClient } from '../database/database.ts'
import type { Prisma, User } from '../database/generated/client.ts'
import { channels } from '../database/notifications.ts'
import { inTransaction } from '../database/transaction.ts'
import { EaselError } from '../errors.ts'
import type { RecordAct } from './audit-log.ts'
import { revokeKeysOf } from './key-revocation.ts'
import type { Role, Viewer } from './viewer.ts'

type Transaction = Prisma.TransactionClient

/** What admins do to users. What a user has open ends with it, in every process. */
export interface UserLife {
  setRole(change: { userId: string; role: Role }, by?: Viewer): Promise<void>
  disable(userId: string, by?: Viewer): Promise<void>
  /** Of a deleted user it lets its subject come again, as a new user. */
  enable(userId: string, by?: Viewer): Promise<void>
  /** The row stays for its usage; who it was does not. */
  delete(userId: string, by?: Viewer): Promise<void>
}

export interface UserLifeOptions {
  prisma: PrismaClient
  auth: 'off' | 'on'
  record: RecordAct
  /** Tells this process that a user, or a key, has not the access any more that it had. */
  announce: (id: string) => void
  now: () => Date
}

export function createUserLife(options: UserLifeOptions): UserLife {
  const { prisma, record, announce, now } = options

  /** Runs `change` for a user whose row is locked, together with those of all admins. */
  const change = async (userId: string, work: (tx: Transaction, user: User) => Promise<string[]>) => {
    const gone = await inTransaction(prisma, async (tx) => {
      const ids = await work(tx, await lock(tx, userId))
      for (const id of ids) await tx.$executeRaw`SELECT pg_notify(${channels.revocation}, ${id})`
      return ids
    })
    for (const id of gone) announce(id)
  }

  /** Refuses what would leave nobody who can manage the gateway, or take the way in from its operator. */
  const assertDispensable = async (tx: Transaction, { id, role, disabledAt, externalId }: User) => {
    if (role === 'ADMIN' && !disabledAt && !(await hasOtherAdmin(tx, options, id))) throw lastAdmin()
    if (externalId === 'admin' || externalId === 'local') throw userOfOperator()
  }

  const update = (tx: Transaction, id: string, data: Prisma.UserUpdateInput) =>
    tx.user.update({ where: { id }, data })

  return {
    setRole: ({ userId, role }, by) =>
      change(userId, async (tx, user) => {
        if (user.deletedAt) throw userIsDeleted()
        if (user.role === role) return []
        if (role === 'MEMBER') await assertDispensable(tx, user)
        await update(tx, userId, { role })
        await record(tx, by, { action: 'SET_USER_ROLE', userId, details: { from: user.role, to: role } })
        return [userId]
      }),
    disable: (userId, by) =>
      change(userId, async (tx, user) => {
        if (user.disabledAt) return []
        await assertDispensable(tx, user)
        await update(tx, userId, { disabledAt: now() })
        await record(tx, by, { action: 'DISABLE_USER', userId })
        return [userId]
      }),
    enable: (userId, by) =>
      change(userId, async (tx, user) => {
        const isBarred = user.deletedAt ? user.externalId !== null : user.disabledAt !== null
        if (!isBarred) return []
        await update(tx, userId, user.deletedAt ? { externalId: null } : { disabledAt: null })
        const details = { wasDeleted: user.deletedAt !== null }
        await record(tx, by, { action: 'ENABLE_USER', userId, details })
        return []
      }),
    delete: (userId, by) =>
      change(userId, async (tx, user) => {
        if (user.deletedAt) return []
        await assertDispensable(tx, user)
        const at = now()
        const keyIds = await revokeKeysOf(tx, userId, at)
        await tx.apiKey.updateMany({ where: { userId }, data: { name: deletedName } })
        await anonymise(tx, userId, at)
        await record(tx, by, { action: 'DELETE_USER', userId, details: { revokedKeys: keyIds.length } })
        return [userId, ...keyIds]
      }),
  }
}

const deletedName = 'Deleted'

/** Of who it was only a hash stays, salted with the id: enough to know a token of the same subject again. */
async function anonymise(tx: Transaction, userId: string, at: Date): Promise<void> {
  await tx.$executeRaw`
    UPDATE "user"
       SET name = ${deletedName}, role = 'MEMBER', deleted_at = ${at}, disabled_at = coalesce(disabled_at, ${at}),
           external_id = 'deleted:' || encode(sha256(convert_to(id::text || external_id, 'UTF8')), 'hex')
     WHERE id = ${userId}::uuid`
}

/** The rows of all admins in one order: of two admins that remove each other one comes first. */
async function lock(tx: Transaction, userId: string): Promise<User> {
  await tx.$queryRaw`
    SELECT id FROM "user" WHERE id = ${userId}::uuid OR role = 'ADMIN' AND disabled_at IS NULL
     ORDER BY id FOR UPDATE`
  const user = await tx.user.findUnique({ where: { id: userId } })
  if (!user) throw new EaselError('NOT_FOUND', 'There is no such user.', { field: 'id' })
  return user
}

/** Another admin counts if it can come in: by a token, by a key that works, or because the gateway is open. */
async function hasOtherAdmin(
  tx: Transaction,
  { auth, now }: Pick<UserLifeOptions, 'auth' | 'now'>,
  userId: string,
): Promise<boolean> {
  const [found] = await tx.$queryRaw<unknown[]>`
    SELECT u.id FROM "user" u
     WHERE u.role = 'ADMIN' AND u.disabled_at IS NULL AND u.id <> ${userId}::uuid
       AND (u.external_id NOT IN ('admin', 'local')
            OR ${auth} = 'off' AND u.external_id = 'local'
            OR EXISTS (SELECT FROM api_key k
                        WHERE k.user_id = u.id AND k.revoked_at IS NULL
                          AND (k.expires_at IS NULL OR k.expires_at > ${now()})))
     LIMIT 1`
  return found !== undefined
}

function lastAdmin(): EaselError {
  return new EaselError(
    'BAD_USER_INPUT',
    'This is the last admin that can come in: make another one first.',
    {
      reason: 'LAST_ADMIN',
      field: 'id',
    },
  )
}

function userOfOperator(): EaselError {
  return new EaselError(
    'BAD_USER_INPUT',
    'This is the user of the operator. Whoever runs the gateway can remove EASEL_ADMIN_KEY instead.',
    { reason: 'USER_OF_OPERATOR', field: 'id' },
  )
}

function userIsDeleted(): EaselError {
  return new EaselError('BAD_USER_INPUT', 'This user was deleted.', { reason: 'USER_DELETED', field: 'id' })
}
