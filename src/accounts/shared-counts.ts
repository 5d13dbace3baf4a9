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
  const tell = async (key: string, count: Count) => {
    const points = count.untold
    count.untold = 0
    const [row] = await prisma.$queryRaw<{ points: bigint }[]>`
      INSERT INTO rate_count (key, "window", points) VALUES (${key}, ${window}::int, ${BigInt(points)}::bigint)
      ON CONFLICT (key, "window") DO UPDATE SET points = rate_count.points + EXCLUDED.points RETURNING points`
    count.told += points
    count.elsewhere = Number(row?.points ?? 0n) - count.told
  }

  return {
    add(key, points, limit) {
      const known = countsNow()
      if (known.size === 0) run(removeOld(prisma, window))
      const count = known.get(key) ?? { told: 0, untold: 0, elsewhere: 0 }
      known.set(key, count)
      count.untold += points
      if (count.untold >= limit / tellings) run(tell(key, count))
    },
    elsewhere: (key) => countsNow().get(key)?.elsewhere ?? 0,
    close: async () => {
      await Promise.all(running)
    },
  }
}

function removeOld(prisma: PrismaClient, window: number): Promise<unknown> {
  return prisma.$executeRaw`DELETE FROM rate_count WHERE "window" < ${window - keptWindows}::int`
}
