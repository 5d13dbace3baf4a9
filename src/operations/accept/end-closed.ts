import type { Database } from '../../database/database.ts'
import { channels } from '../../database/notifications.ts'
import { inTransaction } from '../../database/transaction.ts'
import { accessRevoked } from '../operation-error.ts'
import type { Finish } from '../transitions/finish-operation.ts'

/**
 * Ends what was accepted from users that are disabled and under keys that are revoked, and was not sent, so that what it
 * reserved is free at once. Whatever is missed here, or accepted at the same moment, ends when it would be sent.
 */
export function createEndClosed(options: { database: Database; finish: Finish }) {
  const { database, finish } = options
  const { prisma } = database

  const end = (operationId: string): Promise<void> =>
    inTransaction(prisma, async (tx) => {
      const [open] = await tx.$queryRaw<unknown[]>`
        SELECT id FROM operation
         WHERE id = ${operationId}::uuid AND status IN ('QUEUED', 'RUNNING') AND NOT has_access(user_id, api_key_id)
           FOR UPDATE`
      if (!open) return
      const operation = await tx.operation.findUniqueOrThrow({
        where: { id: operationId },
        include: { attempts: { where: { state: { in: ['SENT', 'RESPONDED'] } } } },
      })
      if (operation.attempts.length > 0) return
      const outcome = { status: 'FAILED', failure: accessRevoked, paid: false } as const
      await finish.finishIn(tx, { operation, epoch: null, outcome })
      // The worker that prepares its call hears it as of a cancel, and finds that it has ended.
      await tx.$executeRaw`SELECT pg_notify(${channels.cancel}, ${operationId})`
    })

  return async (): Promise<void> => {
    const found = await prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM operation WHERE status IN ('QUEUED', 'RUNNING') AND NOT has_access(user_id, api_key_id)`
    for (const { id } of found) await end(id)
  }
}
