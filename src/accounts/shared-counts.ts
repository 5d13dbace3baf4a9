import type { PrismaClient } from '../database/database.ts'
import { rateMinuteMs } from '../rate-counter.ts'

/** Counts of all processes on one database. */
export interface SharedCounts {
  /** Notes points that this process has admitted. They are told in twentieths of the limit. */
  add(key: string, points: number, limit: number): void
  /** The points of the other processes within this minute, as far as they have told them. */
  elsewhere(key: string): number
  /** Waits for what is being told. */
  close(): Promise<void>
}

interface Count {
  told: number
  untold: number
  elsewhere: number
  /** How many points are untold when the next telling is due. */
  dueAt: number
  isTelling: boolean
}

/** How many times a process tells a whole rate: a flood costs the database no more than this for each minute and key. */
const tellings = 20
/** Minutes after which a count is removed. */
const keptWindows = 5

/**
 * Each process counts by itself, and tells the others what it counted through one row of the database: so a rate holds
 * over all of them but for a twentieth of it for each, and no request waits for the database.
 */
export function createSharedCounts(options: {
  prisma: PrismaClient
  now: () => number
  onError: (error: Error) => void
}): SharedCounts {
  const { prisma, now, onError } = options
  const running = new Set<Promise<void>>()
  let window = 0
  let counts = new Map<string, Count>()

  const run = (work: Promise<unknown>) => {
    const told: Promise<void> = work.then(() => {}, onError).finally(() => running.delete(told))
    running.add(told)
  }
  const countsNow = () => {
    const current = Math.floor(now() / rateMinuteMs)
    if (current !== window) {
      window = current
      counts = new Map()
    }
    return counts
  }
  const write = async (key: string, points: number): Promise<number> => {
    const [row] = await prisma.$queryRaw<{ points: bigint }[]>`
      INSERT INTO rate_count (key, "window", points) VALUES (${key}, ${window}::int, ${BigInt(points)}::bigint)
      ON CONFLICT (key, "window") DO UPDATE SET points = rate_count.points + EXCLUDED.points RETURNING points`
    return Number(row?.points ?? 0n)
  }
  /** One telling of a key at a time: what comes back is then what the others told, and nothing of this process. */
  const tell = async (key: string, count: Count, step: number): Promise<void> => {
    const points = count.untold
    Object.assign(count, { untold: 0, dueAt: step, isTelling: true })
    try {
      const all = await write(key, points)
      count.told += points
      count.elsewhere = all - count.told
    } catch (error) {
      // They are told with the next ones, and no sooner: a database that is away is not asked at each request.
      count.untold += points
      count.dueAt = count.untold + step
      throw error
    } finally {
      count.isTelling = false
    }
    if (isDue(count) && counts.get(key) === count) await tell(key, count, step)
  }

  return {
    add(key, points, limit) {
      const known = countsNow()
      if (known.size === 0) run(removeOld(prisma, window))
      const step = limit / tellings
      const count = known.get(key) ?? { told: 0, untold: 0, elsewhere: 0, dueAt: step, isTelling: false }
      known.set(key, count)
      count.untold += points
      if (isDue(count)) run(tell(key, count, step))
    },
    elsewhere: (key) => countsNow().get(key)?.elsewhere ?? 0,
    close: async () => {
      await Promise.all(running)
    },
  }
}

function isDue({ untold, dueAt, isTelling }: Count): boolean {
  return !isTelling && untold >= dueAt
}

function removeOld(prisma: PrismaClient, window: number): Promise<unknown> {
  return prisma.$executeRaw`DELETE FROM rate_count WHERE "window" < ${window - keptWindows}::int`
}
