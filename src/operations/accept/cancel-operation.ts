import type { Database } from '../../database/database.ts'
import { channels } from '../../database/notifications.ts'
import { inTransaction } from '../../database/transaction.ts'
import { cancelled } from '../operation-error.ts'
import type { Finish } from '../transitions/finish-operation.ts'

/**
 * Asks for an operation to end. While no attempt has been sent it ends CANCELLED here and now, under the same row lock
 * that sending takes. After that the worker that holds it aborts the call; whatever a provider charges for it is the
 * house's loss. A finished operation stays as it is.
 */
export function createCancel(options: { database: Database; finish: Finish; now: () => Date }) {
  const { database, finish, now } = options
  return (operationId: string): Promise<void> =>
    inTransaction(database.prisma, async (tx) => {
      await tx.$queryRaw`SELECT id FROM operation WHERE id = ${operationId}::uuid FOR UPDATE`
      const operation = await tx.operation.findUnique({
        where: { id: operationId },
        include: { attempts: { where: { state: { in: ['SENT', 'RESPONDED'] } } } },
      })
      if (!operation || operation.finishedAt) return
      if (operation.attempts.length === 0) {
        const outcome = { status: 'CANCELLED', failure: cancelled, paid: false } as const
        await finish.finishIn(tx, { operation, epoch: null, outcome })
      } else {
        await tx.operation.update({ where: { id: operationId }, data: { cancelRequestedAt: now() } })
      }
      await tx.$executeRaw`SELECT pg_notify(${channels.cancel}, ${operationId})`
    })
}
