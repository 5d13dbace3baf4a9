import type { Prisma } from '../../database/database.ts'
import { EaselError } from '../../errors.ts'
import { emptyOperations, findNeeded, type RemovalOptions } from './remove-expired.ts'

/** Writes of the caller in the transaction that deletes, unless there was nothing left to delete. */
export type OnDeleted = (tx: Prisma.TransactionClient) => Promise<void>

/**
 * Removes of an ended operation at once what retention would remove in the end: its images, also where other ended
 * operations used them, and what was asked. Its row stays for its usage. Refused while it runs, and while an unfinished
 * operation is to use one of its images, which would then fail. Again, it changes nothing.
 */
export function createDelete({ database, images, now }: RemovalOptions) {
  return async (id: string, onDeleted: OnDeleted): Promise<void> => {
    const where = { id, finishedAt: { not: null } }
    if (!(await database.prisma.operation.findFirst({ where, select: { id: true } }))) throw notEnded()
    const deleted = await images.expireImages({
      operationIds: [id],
      findNeeded,
      onDeleted: async (tx) => {
        const changed = await tx.operation.updateMany({
          where: { id, OR: [{ imagesDeletedAt: null }, { fingerprint: { not: '' } }] },
          data: { imagesDeletedAt: now() },
        })
        if (changed.count === 0) return
        await emptyOperations(tx, [id])
        await onDeleted(tx)
      },
    })
    if (deleted === 0) throw inUse()
  }
}

function notEnded(): EaselError {
  return new EaselError('BAD_USER_INPUT', 'This operation has not ended: cancel it first.', {
    reason: 'OPERATION_NOT_ENDED',
    field: 'id',
  })
}

function inUse(): EaselError {
  return new EaselError(
    'BAD_USER_INPUT',
    'Another operation that has not ended uses an image of this one: cancel that one, or wait for its end.',
    { reason: 'OPERATION_IN_USE', field: 'id' },
  )
}
