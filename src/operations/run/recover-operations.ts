import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../../database/database.ts'
import type { OperationQueue } from '../../database/queue.ts'
import type { Spool } from '../keep/spool.ts'
import { freeLeases } from '../transitions/leases.ts'

/**
 * Brings back operations without a worker: their process died, or their job was lost. A second job does no harm, since a
 * worker must claim the operation first. Operations whose reply is on this machine's disk are taken at once by this
 * process: another machine that gets their job can only give them back.
 */
export interface Recovery {
  /** Call before any work is taken: an embedded folder has one owner at a time, so every lease in it is a dead one's. */
  freeLeases(): Promise<void>
  /** Queues what was left over again, now and at intervals, in the background. Call once work is taken. */
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
/** How many sweeps for leases that have passed run within the length of one lease. */
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

/** The searches, from the most urgent to the least. */
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

  /** Operations whose owner has stopped renewing its leases. The worker that gets the job first waits for a renewal. */
  #findPassed(): Promise<string[]> {
    return this.#find`
      SELECT id FROM operation
       WHERE status = 'RUNNING' AND lease_until <= now() AND lease_owner IS NOT NULL
       ORDER BY lease_until LIMIT ${batch}`
  }

  /** Operations that were given back or put off and are due now. */
  #findPutDown(idleMs: number): Promise<string[]> {
    return this.#find`
      SELECT id FROM operation
       WHERE status = 'RUNNING' AND lease_owner IS NULL
         AND coalesce(lease_until, modified_at) <= now() - ${`${idleMs} milliseconds`}::interval
       LIMIT ${batch}`
  }

  /** Queued operations: one whose job was lost gets a new job. Each sweep looks at the next batch of them. */
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
    // Not awaited here: a stop waits for everything that runs.
    for (const id of ids) work(id).catch((error) => log.error({ err: error }, 'taking up a reply failed'))
  }

  async #find(sql: TemplateStringsArray, ...values: unknown[]): Promise<string[]> {
    const rows = await this.#options.database.prisma.$queryRaw<{ id: string }[]>(sql, ...values)
    return rows.map(({ id }) => id)
  }
}
