import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import type { OperationQueue } from '../database/queue.ts'
import type { Spool } from './spool.ts'

/** How many unfinished operations one sweep brings back; the next sweep takes the rest. */
const batch = 500

/**
 * Brings back operations that nobody works on: their process died, or their job was lost. A job too many does no harm,
 * since whoever works must claim the operation first. Those whose reply lies on this machine's disk are taken here and
 * now: another machine that gets their job can only leave them again.
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
  spool: Pick<Spool, 'list'>
  work: (operationId: string) => Promise<void>
  sweepMs: number
  log: Pick<Logger, 'info' | 'error'>
}): Recovery {
  const { database, queue, spool, work, sweepMs, log } = options
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

  const takeSpooled = async (): Promise<void> => {
    const attemptIds = (await spool.list()).map(({ attemptId }) => attemptId)
    if (attemptIds.length === 0) return
    const rows = await prisma.$queryRaw<{ id: string }[]>`
      SELECT DISTINCT o.id FROM operation o JOIN attempt a ON a.operation_id = o.id
       WHERE a.id = ANY(${attemptIds}::uuid[]) AND a.state IN ('SENT', 'RESPONDED')
         AND o.status = 'RUNNING' AND o.lease_owner IS NULL AND o.lease_until <= now()
       LIMIT ${batch}`
    // Nobody waits for them here: whoever stops waits for all that runs.
    for (const { id } of rows)
      work(id).catch((error) => log.error({ err: error }, 'taking up a reply failed'))
  }

  const sweep = async () => {
    try {
      await takeSpooled()
      await requeue(sweepMs)
    } catch (error) {
      log.error({ err: error }, 'the sweep for lost operations failed')
    }
  }

  return {
    freeLeases: async () => {
      if (kind !== 'embedded') return
      const freed = await prisma.$executeRaw`
        UPDATE operation SET lease_owner = NULL, lease_until = NULL, dead_owners = dead_owners + 1
         WHERE lease_owner IS NOT NULL`
      if (freed > 0) log.info({ operations: freed }, 'the process before this one died at work')
    },
    start: async () => {
      await takeSpooled()
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
