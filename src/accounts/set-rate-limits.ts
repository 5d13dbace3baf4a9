import type { Prisma, PrismaClient } from '../database/database.ts'
import { inTransaction } from '../database/transaction.ts'
import type { RecordAct } from './audit-log.ts'
import type { RateLimits } from './rate-limits.ts'
import type { Viewer } from './viewer.ts'

export type LimitedOwner = { userId: string } | { apiKeyId: string }
/** What is left out stays; null gives the default back. */
export type RateLimitsChange = { [Name in keyof RateLimits]?: number | null | undefined }

/** Sets the limits of a user, or of one of its keys. Answers the user; null where there is no such owner. */
export type SetRateLimits = (
  owner: LimitedOwner,
  change: RateLimitsChange,
  by?: Viewer,
) => Promise<string | null>

export function createSetRateLimits(options: {
  prisma: PrismaClient
  record: RecordAct
  /** Called when the limits that were read before hold no more. */
  onChange(): void
}): SetRateLimits {
  const { prisma, record, onChange } = options
  return async (owner, change, by) => {
    const userId = await inTransaction(prisma, async (tx) => {
      const changed = await write(tx, owner, change)
      const keyId = 'apiKeyId' in owner ? owner.apiKeyId : null
      if (changed)
        await record(tx, by, {
          action: 'SET_RATE_LIMITS',
          userId: changed,
          ...(keyId !== null && { keyId }),
          details: { ...change },
        })
      return changed
    })
    onChange()
    return userId
  }
}

async function write(
  tx: Prisma.TransactionClient,
  owner: LimitedOwner,
  data: RateLimitsChange,
): Promise<string | null> {
  if ('userId' in owner) {
    const [user] = await tx.user.updateManyAndReturn({ where: { id: owner.userId }, data })
    return user?.id ?? null
  }
  const [key] = await tx.apiKey.updateManyAndReturn({ where: { id: owner.apiKeyId }, data })
  return key?.userId ?? null
}
