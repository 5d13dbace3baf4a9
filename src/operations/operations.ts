import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Estimate } from '../catalogue/estimate.ts'
import type { Database } from '../database/database.ts'
import { toUnavailable } from '../database/database-failure.ts'
import type { Operation, OperationEvent } from '../database/generated/client.ts'
import { createHourlyJob, createOperationQueue } from '../database/queue.ts'
import type { Images } from '../images/images.ts'
import type { Providers } from '../providers/providers.ts'
import type { Usage } from '../usage/usage.ts'
import { createAccept } from './accept/accept-operation.ts'
import { createCancel } from './accept/cancel-operation.ts'
import { createEndClosed } from './accept/end-closed.ts'
import { estimateOperation, type PlannedWork } from './accept/estimate-operation.ts'
import { createOperationSources } from './accept/operation-sources.ts'
import { createSubmit } from './accept/submit-operation.ts'
import type { SubmitRequest } from './accept/submit-request.ts'
import { createAttemptCall } from './call/attempt-call.ts'
import { createAttemptReport } from './call/attempt-report.ts'
import { createConclude } from './call/conclude-reply.ts'
import { createReceive } from './call/receive-reply.ts'
import type { Failpoint } from './failpoint.ts'
import { createDelete, type OnDeleted } from './keep/delete-operation.ts'
import { createMending } from './keep/mend-operations.ts'
import { createEventLog, type EventLog } from './keep/operation-events.ts'
import { createRetention, type RetentionLimits } from './keep/retention.ts'
import type { SharedSpool } from './keep/shared-spool.ts'
import { createSpool } from './keep/spool.ts'
import { createLeases } from './run/operation-lease.ts'
import { createWorkers } from './run/operation-workers.ts'
import { createRecovery } from './run/recover-operations.ts'
import { createRequestSources } from './run/request-sources.ts'
import { createRun } from './run/run-operation.ts'
import { createAttempts } from './transitions/attempts.ts'
import { createFinish } from './transitions/finish-operation.ts'
import { createProgress } from './transitions/progress.ts'

export interface OperationsOptions {
  database: Database
  providers: Providers
  images: Images
  usage: Usage
  spoolFolder: string
  /** Where replies are kept for every machine, if there is such a place. */
  sharedSpool?: SharedSpool | undefined
  /** Whether an image could be kept at the moment. Nothing is sent to a provider while it could not. */
  isStorageUp: () => Promise<boolean>
  /** The name under which an end user is known upstream: stable, and never the raw id. */
  pseudonym: (userId: string, endUser: string) => string
  limits: OperationLimits
  retention: RetentionLimits
  newId: () => string
  now: () => Date
  /** Milliseconds of a clock that never jumps and that runs while the process is stopped. */
  uptimeMs: () => number
  random: () => number
  log: Logger
  /** Where attempts are counted. */
  metrics?: Registry | null | undefined
  /** For tests: called in the gaps between commits. */
  failpoint?: Failpoint | undefined
}

export interface OperationLimits {
  /** How many operations this process runs at once. */
  concurrency: number
  operationTimeoutMs: number
  /** How long a provider may be silent within a reply. */
  idleTimeoutMs: number
  /** How long a worker may be silent before another may take its operations over. */
  leaseMs: number
  /** The largest image of a reply. */
  maxImageBytes: number
}

/** The life of operations: accept, run, follow, cancel, recover. */
export interface Operations {
  /** What an operation would cost. Submitting it reserves the maximum. */
  estimate(planned: PlannedWork): Estimate
  submit(request: SubmitRequest): Promise<Operation>
  cancel(operationId: string): Promise<void>
  /** Removes the images of an ended operation and what was asked, now; its usage stays. */
  delete(operationId: string, onDeleted: OnDeleted): Promise<void>
  /** Ends what was not sent yet of users that are disabled and of keys that are revoked. */
  endClosed(): Promise<void>
  /**
   * Resolves once the operation has ended, the signal aborts, or this process drains and will not see its end: then
   * the operation goes on elsewhere.
   */
  wait(operationId: string, signal?: AbortSignal): Promise<void>
  follow(
    operationId: string,
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<OperationEvent, void, undefined>
  /** Work is taken as soon as the queue can be opened, in the background. */
  start(): Promise<void>
  /** Whether the queue is open: until then nothing is accepted. */
  isOpen(): boolean
  /** Accepts no more work and waits up to `timeoutMs` for running operations; the next owner takes over the rest. */
  drain(timeoutMs: number): Promise<void>
  /** Releases everything; what still runs is interrupted. */
  stop(): Promise<void>
}

/** How long the queue may take to write down what became of its jobs. */
const queueStopMs = 5_000

export function createOperations(options: OperationsOptions): Operations {
  const { database, limits, log } = options
  const queue = createOperationQueue(database.boss)
  const spool = createSpool({ folder: options.spoolFolder, shared: options.sharedSpool, log })
  const events = createEventLog(database)
  const failpoint = options.failpoint ?? (() => {})
  const parts = { ...options, ...limits, failpoint, queue, spool, events }
  const finish = createFinish(parts)
  const workers = createWorkers(createRunner({ ...parts, finish }))
  const recovery = createRecovery({ ...parts, work: workers.work })
  const mending = createMending({ ...parts, finish })
  const retention = createRetention({
    ...parts,
    mending,
    limits: options.retention,
    job: createHourlyJob(database.boss, 'retention'),
  })
  const sources = createOperationSources(options)
  const submit = createSubmit({ ...options, sources, accept: createAccept({ ...parts, sources }) })
  const cancel = createCancel({ ...options, finish })
  const deleteOperation = createDelete(options)
  const endClosed = createEndClosed({ ...options, finish })
  const stopping = new AbortController()
  let opening: Promise<void> = Promise.resolve()

  /** Each step is tried until it works, so a database that is away does not end the process. */
  const open = async () => {
    const steps = [
      () => queue.start({ concurrency: limits.concurrency, work: workers.work }),
      async () => recovery.start(),
      // Must come before retention, which would sweep the replies that mending needs.
      () => mending.mendAll(stopping.signal),
      () => retention.start(),
    ]
    for (const step of steps) await untilDone(step, { signal: stopping.signal, log })
  }

  return {
    estimate: (planned) => estimateOperation(options, planned),
    submit: (request) => submit(request).catch(rethrow),
    cancel: (operationId) => cancel(operationId).catch(rethrow),
    delete: (operationId, onDeleted) => deleteOperation(operationId, onDeleted).catch(rethrow),
    endClosed: () => endClosed().catch(rethrow),
    wait: async (operationId, signal) => {
      const leaving = workers.waitSignal(operationId)
      const signals = signal ? [signal, leaving.signal] : [leaving.signal]
      try {
        for await (const _ of events.follow(operationId, 0, AbortSignal.any(signals)));
      } finally {
        leaving.done()
      }
    },
    follow: events.follow,
    start: async () => {
      // Fails the start if the spool folder cannot be written to.
      await spool.id()
      await recovery.freeLeases()
      opening = open()
    },
    isOpen: queue.isOpen,
    drain: async (timeoutMs) => {
      await queue.pause()
      await workers.drain(timeoutMs)
    },
    stop: async () => {
      stopping.abort()
      await opening
      await recovery.stop()
      await retention.stop()
      await workers.drain(0)
      await queue.stop(queueStopMs)
    },
  }
}

const tryAgainMs = 1_000

async function untilDone(
  step: () => Promise<void>,
  { signal, log }: { signal: AbortSignal; log: Pick<Logger, 'error'> },
): Promise<void> {
  while (!signal.aborted) {
    try {
      return await step()
    } catch (error) {
      log.error({ err: error }, 'a part of the work cannot be started: trying again')
      await pause(tryAgainMs, undefined, { signal }).catch(() => {})
    }
  }
}

type RunnerParts = OperationsOptions &
  OperationLimits & {
    failpoint: Failpoint
    queue: ReturnType<typeof createOperationQueue>
    spool: ReturnType<typeof createSpool>
    events: EventLog
    finish: ReturnType<typeof createFinish>
  }

function createRunner(options: RunnerParts) {
  const { newId, failpoint } = options
  const owner = `${hostname()}:${process.pid}:${newId()}`
  const parts = {
    ...options,
    leases: createLeases({ ...options, owner }),
    attempts: createAttempts(options),
    progress: createProgress(options),
    reportAttempt: createAttemptReport(options),
    receive: createReceive(options),
    sources: createRequestSources({ ...options, onSending: () => failpoint('sending') }),
  }
  const attemptCall = createAttemptCall({ ...parts, conclude: createConclude(parts) })
  return createRun({ ...parts, attemptCall })
}

function rethrow(error: unknown): never {
  throw toUnavailable(error)
}
