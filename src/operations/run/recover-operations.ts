import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../../database/database.ts'
import type { OperationQueue } from '../../database/queue.ts'
import type { Spool } from '../keep/spool.ts'
import { freeLeases } from '../transitions/leases.ts'

/**
 * Brings back operations that nobody works on: their process died, or their job was lost. A job too many does no harm,
 * since whoever works must claim the operation first. Those whose reply lies on this machine's disk are taken here and
 * now: another machine that gets their job can only leave them again.
 */
export interface Recovery {
  /** Before any work is taken: an embedded folder has no other owner, so every lease in it is of a dead process. */
  freeLeases(): Promise<void>
  /** Once work is taken: what was left over is queued again, now and every while, in the background. */
  start(): void
  stop(): Promise<void>
}

export interface RecoveryOptions {
  database: Database
  queue: Pick<OperationQueue, 'sendMissing'>
  spool: Pick<Spool, 'list'>
  work: (operationId: string) => Promise<void>
  leaseMs: number
  log: Pick<Logger, 'info' | 'error'>
}

/** How many operations one statement brings back; the next sweep takes the rest. */
const batch = 500
/** Replies on this disk are taken beside the work of the queue. */
const spooledBatch = 16
/** How often within a lease it is looked whether one has passed. */
const looksPerLease = 5

export function createRecovery(options: RecoveryOptions): Recovery {
  const { database, log } = options
  const stopping = new AbortController()
  const sweep = new Sweep(options)
  let sweeping: Promise<void> = Promise.resolve()

  const run = async () => {
    for (let turn = 0; !stopping.signal.aborted; turn = (turn + 1) % looksPerLease) {
      await sweep
        .look({ isWhole: turn === 0 })
        .catch((error) => log.error({ err: error }, 'the sweep for lost operations failed'))
      const waitMs = options.leaseMs / looksPerLease
      await pause(waitMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  return {
    freeLeases: async () => {
      const operations = await freeLeases(database)
      if (operations > 0) log.info({ operations }, 'the process before this one died at work')
    },
    start: () => {
      sweeping = run()
    },
    stop: async () => {
      stopping.abort()
      await sweeping
    },
  }
}

/** What is looked for, from the most urgent to the least. */
class Sweep {
  readonly #options: RecoveryOptions
  /** Where the search for lost jobs goes on. */
  #lastQueued: string | null = null
  #isFirst = true

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  async look({ isWhole }: { isWhole: boolean }): Promise<void> {
    const { queue, leaseMs, log } = this.#options
    const left = await this.#findPassed()
    if (isWhole) {
      await this.#takeSpooled()
      left.push(...(await this.#findPutDown(this.#isFirst ? 0 : leaseMs)))
    }
    await queue.sendMissing(left)
    if (this.#isFirst && left.length > 0)
      log.info({ operations: left.length }, 'took up unfinished operations')
    this.#isFirst = false
    if (isWhole) await queue.sendMissing(await this.#findQueued(leaseMs))
  }

  /** Those whose owner has stopped renewing its leases. Whoever gets the job waits for a sign of life first. */
  #findPassed(): Promise<string[]> {
    return this.#find`
      SELECT id FROM operation
       WHERE status = 'RUNNING' AND lease_until <= now() AND lease_owner IS NOT NULL
       ORDER BY lease_until LIMIT ${batch}`
  }

  /** Those that were given back or put off, and whose time to go on has come. */
  #findPutDown(idleMs: number): Promise<string[]> {
    return this.#find`
      SELECT id FROM operation
       WHERE status = 'RUNNING' AND lease_owner IS NULL
         AND coalesce(lease_until, modified_at) <= now() - ${`${idleMs} milliseconds`}::interval
       LIMIT ${batch}`
  }

  /** Those that wait for their turn have a job, unless it was lost. However many wait, all are looked at in turn. */
  async #findQueued(idleMs: number): Promise<string[]> {
    const ids = await this.#find`
      SELECT id FROM operation
       WHERE status = 'QUEUED' AND coalesce(lease_until, modified_at) <= now() - ${`${idleMs} milliseconds`}::interval
         AND (${this.#lastQueued}::uuid IS NULL OR id > ${this.#lastQueued}::uuid)
       ORDER BY id LIMIT ${batch}`
    this.#lastQueued = ids.length < batch ? null : (ids.at(-1) ?? null)
    return ids
  }

  async #takeSpooled(): Promise<void> {
    const { spool, work, log } = this.#options
    const attemptIds = (await spool.list()).map(({ attemptId }) => attemptId)
    if (attemptIds.length === 0) return
    const ids = await this.#find`
      SELECT DISTINCT o.id FROM operation o JOIN attempt a ON a.operation_id = o.id
       WHERE a.id = ANY(${attemptIds}::uuid[]) AND a.state IN ('SENT', 'RESPONDED')
         AND o.status = 'RUNNING' AND o.lease_owner IS NULL AND o.lease_until <= now()
       LIMIT ${spooledBatch}`
    // Nobody waits for them here: whoever stops waits for all that runs.
    for (const id of ids) work(id).catch((error) => log.error({ err: error }, 'taking up a reply failed'))
  }

  async #find(sql: TemplateStringsArray, ...values: unknown[]): Promise<string[]> {
    const rows = await this.#options.database.prisma.$queryRaw<{ id: string }[]>(sql, ...values)
    return rows.map(({ id }) => id)
  }
}
