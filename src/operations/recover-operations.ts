import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import type { OperationQueue } from '../database/queue.ts'

/** How many unfinished operations one sweep brings back; the next sweep takes the rest. */
const batch = 500

/**
 * Brings back operations that nobody works on: their process died, or their job was lost. A job too many does no harm,
 * since whoever works must claim the operation first.
 */
export interface Recovery {
  /** Before any work is taken: an embedded folder has no other owner, so every lease in it is of a dead process. */
  freeLeases(): Promise<void>
  /** Once work is taken: what was left over is queued again, now and every while. */
  start(): Promise<void>
  stop(): Promise<void>
}

export function createRecovery(options: {
  database: Database
  queue: OperationQueue
  sweepMs: number
  log: Pick<Logger, 'info' | 'error'>
}): Recovery {
  const { database, queue, sweepMs, log } = options
  const { prisma, kind } = database
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<void> = Promise.resolve()

  const requeue = async (idleMs: number): Promise<number> => {
    const idle = `${idleMs} milliseconds`
    const rows = await prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM operation
       WHERE status IN ('QUEUED', 'RUNNING')
         AND coalesce(lease_until, modified_at) <= now() - ${idle}::interval
       ORDER BY id LIMIT ${batch}`
    for (const { id } of rows) await prisma.$transaction((tx) => queue.send(tx, id))
    return rows.length
  }

  const sweep = async () => {
    await requeue(sweepMs).catch((error) => log.error({ err: error }, 'the sweep for lost operations failed'))
  }

  return {
    freeLeases: async () => {
      if (kind !== 'embedded') return
      const freed = await prisma.$executeRaw`
        UPDATE operation SET lease_owner = NULL, lease_until = NULL WHERE lease_owner IS NOT NULL`
      if (freed > 0) log.info({ operations: freed }, 'the process before this one died at work')
    },
    start: async () => {
      const found = await requeue(0)
      if (found > 0) log.info({ operations: found }, 'took up unfinished operations')
      timer = setInterval(() => {
        sweeping = sweeping.then(sweep)
      }, sweepMs)
    },
    stop: async () => {
      clearInterval(timer)
      await sweeping
    },
  }
}
