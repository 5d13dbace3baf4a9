import { setTimeout as pause } from 'node:timers/promises'
import type { PgBoss } from 'pg-boss'
import { EaselError } from '../errors.ts'
import { Prisma } from './generated/client.ts'

const queueName = 'operations'

/** pg-boss notices a dead worker after this long; the operation's own lease decides who may act. */
const heartbeatSeconds = 30
/** A job never drops: the operation's deadline is what ends it. */
const retryLimit = 1_000
/** How often to look for jobs that were put off, which are not notified. pg-boss's default is 30 s. */
const pollSeconds = 2

/**
 * The queue of operations to run. A job only wakes a worker, which must claim the operation first: the row of the
 * operation names its owner, and recovery finds an operation whose process died by its row (recover-operations.ts).
 */
export interface OperationQueue {
  /**
   * An expression for the caller's statement, in whose transaction it makes a job. While a job of the operation waits to
   * be taken there is no second one. Of jobs that wait the one with the lowest turn is taken first; one without a turn
   * goes before all of them.
   */
  sending(operationId: string, options?: { afterMs?: number; turn?: Prisma.Sql }): Promise<Prisma.Sql>
  /** A job for each operation that has none waiting, in one statement. */
  sendMissing(operationIds: readonly string[]): Promise<void>
  /** Resolves once jobs can be sent, and throws UNAVAILABLE if that takes longer. */
  untilOpen(waitMs: number): Promise<void>
  isOpen(): boolean
  /** May be called again after it has failed. */
  start(options: { concurrency: number; work: (operationId: string) => Promise<void> }): Promise<void>
  /** Takes no more jobs; the running ones go on, and jobs can still be sent. */
  pause(): Promise<void>
  /** Waits for the running jobs up to `timeoutMs`, and ends. */
  stop(timeoutMs: number): Promise<void>
}

export function createOperationQueue(boss: PgBoss): OperationQueue {
  const opened = Promise.withResolvers<true>()
  let isOpen = false

  const sendMissing = async (operationIds: readonly string[]): Promise<void> => {
    if (operationIds.length === 0) return
    const jobs = operationIds.map((operationId) => ({ data: { operationId }, singletonKey: operationId }))
    await boss.insert(queueName, jobs)
  }

  return {
    isOpen: () => isOpen,
    sending: async (operationId, { afterMs = 0, turn = Prisma.sql`0` } = {}) => {
      const captured = captureStatement()
      const options = { db: captured.db, singletonKey: operationId, startAfter: afterMs / 1_000 }
      await boss.send(queueName, { operationId }, options)
      const [sql, job] = captured.statement()
      return Prisma.sql`send_job(${sql}, ${job}, ${turn})::text`
    },
    sendMissing,
    untilOpen: async (waitMs) => {
      if (!(await Promise.race([opened.promise, pause(waitMs, false, { ref: false })]))) throw queueClosed()
    },
    start: async ({ concurrency, work }) => {
      await boss.start().catch(async (error) => {
        // What it has begun already must not be begun twice.
        await boss.stop({ close: false, graceful: false })
        throw error
      })
      await boss.createQueue(queueName, {
        // One waiting job per singletonKey: sweeps and retries do not pile up jobs.
        policy: 'short',
        notify: true,
        heartbeatSeconds,
        retryLimit,
        retryDelay: 1,
        retryBackoff: true,
        retryDelayMax: 30,
        // Longer than any operation may take: a job may wait for a place.
        expireInSeconds: 23 * 3600,
        retentionSeconds: 14 * 24 * 3600,
        deleteAfterSeconds: 3600,
      })
      const running = new Set<Promise<void>>()
      const begin = ({ operationId }: { operationId: string }) => {
        const ended: Promise<void> = work(operationId)
          .catch(() => sendMissing([operationId]))
          // The database is away: recovery will find the operation.
          .catch(() => {})
          .finally(() => running.delete(ended))
        running.add(ended)
      }
      const worker: { id?: string } = {}
      worker.id = await boss.work<{ operationId: string }>(
        queueName,
        {
          // One poller serves all slots: with one for each slot, every notification would cause as many queries.
          localConcurrency: 1,
          batchSize: 1,
          pollingIntervalSeconds: pollSeconds,
          notifyPollingIntervalSeconds: pollSeconds,
        },
        async ([job]) => {
          if (job) begin(job.data)
          // The next job is taken when a slot is free.
          if (running.size >= concurrency) await Promise.race(running)
          // There may be more jobs, and pg-boss would wait until its next poll.
          if (worker.id) boss.notifyWorker(worker.id)
        },
      )
      isOpen = true
      opened.resolve(true)
    },
    pause: () => boss.offWork(queueName, { wait: false }),
    stop: (timeoutMs) => boss.stop({ graceful: true, timeout: timeoutMs }),
  }
}

/**
 * The one statement by which pg-boss makes a job, with its one value, the job as JSON. It is not run here: the database's
 * function `send_job` runs it within the caller's statement.
 */
function captureStatement() {
  const statements: [sql: string, job: string][] = []
  return {
    db: {
      executeSql: async (sql: string, values: unknown[] = []) => {
        statements.push([sql, String(values[0])])
        return { rows: [] }
      },
    },
    statement: () => {
      const [statement, ...others] = statements
      if (!statement || others.length > 0) throw new Error('pg-boss makes a job by one statement no more')
      return statement
    },
  }
}

function queueClosed(): EaselError {
  return new EaselError('UNAVAILABLE', 'Easel is starting and cannot take requests yet: try again.', {
    reason: 'QUEUE_STARTING',
    retryAfterMs: 2_000,
  })
}

const hourSeconds = 3600

/** A job that one process of all does, once an hour. */
export interface HourlyJob {
  start(work: () => Promise<void>): Promise<void>
  /** Requests this hour's run; a second request within the same hour has no effect. */
  request(): Promise<void>
}

export function createHourlyJob(boss: PgBoss, name: string): HourlyJob {
  return {
    start: async (work) => {
      await boss.createQueue(name, {
        policy: 'singleton',
        heartbeatSeconds,
        retryLimit: 0,
        expireInSeconds: hourSeconds,
        deleteAfterSeconds: 24 * hourSeconds,
      })
      await boss.work(name, async () => work())
    },
    request: async () => void (await boss.send(name, null, { singletonSeconds: hourSeconds })),
  }
}
