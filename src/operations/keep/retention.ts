import type { Logger } from 'pino'
import type { Database } from '../../database/database.ts'
import type { HourlyJob } from '../../database/queue.ts'
import type { Images } from '../../images/images.ts'
import { isRowId } from '../../row-id.ts'
import type { Mending } from './mend-operations.ts'
import { removeFailedSources, removeInputs, removePartialImages, removeResults } from './remove-expired.ts'
import type { Spool } from './spool.ts'

/** How long things are kept after their operation has ended. What was used and paid is kept for ever. */
export interface RetentionLimits {
  partialImagesMs: number
  /** The sources of an operation that made nothing, unless another operation uses them. */
  failedSourcesMs: number
  /** Every image of an operation, and the events that show them. The operation stays, and says so. */
  resultsMs: number
  /** Its prompt, request id, attempts, sources and events. */
  operationsMs: number
  /** Replies that a crash left behind; one that an unfinished operation needs is never removed. */
  spoolMs: number
  /** Files of requests and replies that a crash left behind. */
  tempMs: number
  /** Stored images without a row, in case that a backup is restored whose rows name them. */
  quarantineMs: number
}

/** A step of the removal. */
type Removal = 'partialImages' | 'failedSources' | 'results' | 'operations'

export interface Retention {
  start(): Promise<void>
  stop(): Promise<void>
  /** Removes what has expired, for all processes. Returns the number of operations that each step changed. */
  removeExpired(): Promise<Record<Removal, number>>
  /** Removes the files that killed processes left on this machine. Returns their number. */
  sweepFiles(): Promise<{ spoolFiles: number; temporaryFiles: number }>
  /** Removes what killed processes left in the storage, if that is due and no other process does it now. */
  sweepStorage(): Promise<void>
}

export interface RetentionOptions {
  database: Database
  images: Images
  spool: Spool
  job: HourlyJob
  /** Looks for operations that ended by halves, before anything of them is removed. */
  mending: Mending
  limits: RetentionLimits
  now: () => Date
  log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
}

const hourMs = 3_600_000

export function createRetention(options: RetentionOptions): Retention {
  const { images, job, mending, limits, now, log } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const running = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined

  /** A failure of one step is logged with its name, and the other steps go on. */
  const attempt = async (name: string, work: () => Promise<number | undefined>): Promise<number> => {
    try {
      return (await work()) ?? 0
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, `${name} failed`)
      return 0
    }
  }

  const mend = () => mending.mendAll(signal).then(() => undefined)

  const removeExpired = async () => ({
    partialImages: await attempt('removing partial images past their life', () =>
      removePartialImages(options, limits.partialImagesMs, signal),
    ),
    failedSources: await attempt('removing sources of operations that made nothing', () =>
      removeFailedSources(options, limits.failedSourcesMs, signal),
    ),
    results: await attempt('removing images past their life', () =>
      removeResults(options, limits.resultsMs, signal),
    ),
    operations: await attempt('removing prompts past their life', () =>
      removeInputs(options, limits.operationsMs, signal),
    ),
  })

  const sweepFiles = async () => ({
    spoolFiles: await sweepSpool(options, { before: new Date(now().getTime() - limits.spoolMs), signal }),
    temporaryFiles: await images.sweepTemporaryFiles({ olderThanMs: limits.tempMs }),
  })

  const sweepStorage = async () => {
    const report = await images.sweepStorage({ ...limits, signal })
    if (!report) return
    const { trust, ...objects } = report
    if (trust === 'RESTORED') log.warn({ keptForMs: limits.quarantineMs }, restoredMessage)
    log.info({ objects }, 'swept the storage of images')
  }

  const report = (counts: Record<string, number>, message: string) => {
    const hasRemoved = Object.values(counts).some((count) => count > 0)
    log[hasRemoved ? 'info' : 'debug'](counts, message)
  }

  const run = (name: string, work: () => Promise<void>) => {
    const done = attempt(name, async () => void (await work())).then(() => void running.delete(done))
    running.add(done)
  }

  const everyHour = () => {
    run('removing files of killed processes', async () =>
      report(await sweepFiles(), 'removed files that nobody needs'),
    )
    run('sweeping the storage of images', sweepStorage)
    run('asking for the removal of what is past its life', job.request)
  }

  return {
    start: async () => {
      await job.start(async () => {
        await attempt('looking for operations that ended by halves', mend)
        report(await removeExpired(), 'removed what is past its life')
      })
      everyHour()
      timer = setInterval(everyHour, hourMs)
    },
    stop: async () => {
      clearInterval(timer)
      // The next process goes on with it.
      stopping.abort()
      await Promise.all(running)
    },
    removeExpired,
    sweepFiles,
    sweepStorage,
  }
}

const restoredMessage =
  'the storage has seen a later time of this database: it was restored from a backup, or a copy of it is in use. ' +
  'Images that no row names are kept for now'

/** A reply is needed while its attempt is open. A reply without an attempt in the database is not needed. */
async function sweepSpool(
  { database, spool }: RetentionOptions,
  { before, signal }: { before: Date; signal: AbortSignal },
): Promise<number> {
  const all = [...(await spool.list()), ...(await spool.listShared(signal))]
  const found = all.filter(({ attemptId, modifiedAt }) => modifiedAt < before && isRowId(attemptId))
  const ids = [...new Set(found.map(({ attemptId }) => attemptId))]
  const open = await database.prisma.attempt.findMany({
    where: { id: { in: ids }, state: { in: ['PREPARED', 'SENT', 'RESPONDED'] } },
    select: { id: true },
  })
  const needed = new Set(open.map(({ id }) => id))
  const left = ids.filter((id) => !needed.has(id))
  for (const id of left) await spool.remove(id)
  return left.length
}
