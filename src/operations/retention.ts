import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import { Prisma } from '../database/generated/client.ts'
import type { HourlyJob } from '../database/queue.ts'
import { inTransaction } from '../database/transaction.ts'
import type { ImageRole, Images } from '../images/images.ts'
import type { Spool } from './spool.ts'

/** How long things are kept after their operation has ended. What was used and paid is kept for ever. */
export interface RetentionLimits {
  partialImagesMs: number
  /** Every image of an operation, and the events that show them. The operation stays, and says so. */
  resultsMs: number
  /** Its prompt, request id, attempts, sources and events. */
  operationsMs: number
  /** Raw replies that a crash left behind; one that an unfinished operation needs is never removed. */
  spoolMs: number
  /** Files of requests and replies that a crash left behind. */
  tempMs: number
}

export interface Retention {
  start(): Promise<void>
  stop(): Promise<void>
  /** Removes what is past its life, of all processes; the number of operations each step changed. */
  removeExpired(): Promise<{ partialImages: number; results: number; operations: number }>
  /** Removes what killed processes left on this machine; the number of files. */
  sweepFiles(): Promise<{ spoolFiles: number; temporaryFiles: number; objects: number }>
}

export interface RetentionOptions {
  database: Database
  images: Images
  spool: Spool
  job: HourlyJob
  limits: RetentionLimits
  now: () => Date
  log: Pick<Logger, 'debug' | 'info' | 'error'>
}

const hourMs = 3_600_000
const batchSize = 100

export function createRetention(options: RetentionOptions): Retention {
  const { database, images, job, limits, now, log } = options
  const { prisma } = database
  const before = (ms: number) => new Date(now().getTime() - ms)
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let working: Promise<unknown> = Promise.resolve()

  /** Asked again when they are about to go: an operation may have been accepted since they were found. */
  const remove = (operationId: string, role?: ImageRole) =>
    images.deleteImages({
      operationId,
      ...(role && { roles: [role] }),
      isNeeded: async (tx) => {
        const rows = await tx.$queryRaw<unknown[]>`
          SELECT o.id FROM operation o WHERE o.id = ${operationId}::uuid AND ${areNeeded(role)}`
        return rows.length > 0
      },
    })

  const deletePartialImages = async (operationId: string) => {
    if ((await remove(operationId, 'PARTIAL')) === null) return
    await prisma.$executeRaw`
      DELETE FROM operation_event
       WHERE operation_id = ${operationId}::uuid AND payload->>'kind' = 'partialImage'`
  }

  const deleteImages = async (operationId: string) => {
    if ((await remove(operationId)) === null) return
    await inTransaction(prisma, async (tx) => {
      await tx.$executeRaw`
        DELETE FROM operation_event
         WHERE operation_id = ${operationId}::uuid AND payload->>'kind' IN ('partialImage', 'image')`
      await tx.operation.update({ where: { id: operationId }, data: { imagesDeletedAt: now() } })
    })
  }

  /** The row stays: usage hangs on it. Of its events the last one stays, so that a follower still sees the end. */
  const empty = (operationId: string) =>
    inTransaction(prisma, async (tx) => {
      await tx.attempt.deleteMany({ where: { operationId } })
      await tx.operationSource.deleteMany({ where: { operationId } })
      await tx.$executeRaw`
        DELETE FROM operation_event e USING operation o
         WHERE o.id = ${operationId}::uuid AND e.operation_id = o.id AND e.sequence < o.last_sequence`
      await tx.$executeRaw`
        UPDATE operation SET request_id = NULL, fingerprint = '', input = input - 'prompt' - 'messages'
         WHERE id = ${operationId}::uuid`
    })

  const removeExpired = async () => ({
    partialImages: await each(
      () => withPartialImages(database, before(limits.partialImagesMs)),
      deletePartialImages,
    ),
    results: await each(() => withImages(database, before(limits.resultsMs)), deleteImages),
    operations: await each(() => withPrompt(database, before(limits.operationsMs)), empty),
  })

  const sweepFiles = async () => {
    const spoolFiles = await sweepSpool(options, before(limits.spoolMs))
    return { spoolFiles, ...(await images.sweep({ olderThanMs: limits.tempMs, signal: stopping.signal })) }
  }

  const report = async (work: () => Promise<Record<string, number>>, message: string) => {
    const counts = await work()
    const hasRemoved = Object.values(counts).some((count) => count > 0)
    log[hasRemoved ? 'info' : 'debug'](counts, message)
  }

  const sweepAndAsk = () => {
    working = report(sweepFiles, 'removed files that nobody needs')
      .then(() => job.request())
      .catch((error) => {
        if (stopping.signal.aborted) return
        log.error({ err: error }, 'removing what is past its life failed')
      })
  }

  return {
    start: async () => {
      await job.start(() => report(removeExpired, 'removed what is past its life'))
      sweepAndAsk()
      timer = setInterval(sweepAndAsk, hourMs)
    },
    stop: async () => {
      clearInterval(timer)
      // The next process sweeps anew.
      stopping.abort()
      await working
    },
    removeExpired,
    sweepFiles,
  }
}

async function each(
  find: () => Promise<{ id: string }[]>,
  work: (id: string) => Promise<unknown>,
): Promise<number> {
  let count = 0
  for (;;) {
    const rows = await find()
    for (const { id } of rows) await work(id)
    count += rows.length
    if (rows.length < batchSize) return count
  }
}

function withPartialImages({ prisma }: Database, before: Date): Promise<{ id: string }[]> {
  return prisma.$queryRaw`
    SELECT o.id FROM operation o
     WHERE o.finished_at < ${before} AND o.images_deleted_at IS NULL
       AND EXISTS (SELECT FROM image i WHERE i.operation_id = o.id AND i.role = 'PARTIAL')
       AND NOT ${areNeeded('PARTIAL')}
     LIMIT ${batchSize}`
}

function withImages({ prisma }: Database, before: Date): Promise<{ id: string }[]> {
  return prisma.$queryRaw`
    SELECT o.id FROM operation o
     WHERE o.finished_at < ${before} AND o.images_deleted_at IS NULL AND NOT ${areNeeded()}
     LIMIT ${batchSize}`
}

/** Of the operation `o`: an unfinished operation is to use one of its images. They outlive their own time. */
function areNeeded(role?: ImageRole): Prisma.Sql {
  const ofRole = role ? Prisma.sql`AND i.role = ${role}::"ImageRole"` : Prisma.empty
  return Prisma.sql`EXISTS (
    SELECT FROM image i
      JOIN operation_source s ON s.image_id = i.id
      JOIN operation user_of ON user_of.id = s.operation_id
     WHERE i.operation_id = o.id ${ofRole} AND user_of.finished_at IS NULL)`
}

function withPrompt({ prisma }: Database, before: Date): Promise<{ id: string }[]> {
  return prisma.$queryRaw`
    SELECT o.id FROM operation o
     WHERE o.finished_at < ${before} AND jsonb_exists(o.input, 'prompt')
     LIMIT ${batchSize}`
}

/** A raw reply is needed while its attempt is open; an attempt that nobody knows never was committed. */
async function sweepSpool({ database, spool }: RetentionOptions, before: Date): Promise<number> {
  const found = (await spool.list()).filter(({ modifiedAt }) => modifiedAt < before)
  const ids = [...new Set(found.map(({ attemptId }) => attemptId))]
  const open = await database.prisma.attempt.findMany({
    where: {
      id: { in: ids },
      state: { in: ['PREPARED', 'SENT', 'RESPONDED'] },
      operation: { finishedAt: null },
    },
    select: { id: true },
  })
  const needed = new Set(open.map(({ id }) => id))
  const left = ids.filter((id) => !needed.has(id))
  for (const id of left) await spool.remove(id)
  return left.length
}
