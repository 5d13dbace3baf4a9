import { setTimeout as pause } from 'node:timers/promises'
import { databaseFailure } from './database-failure.ts'

const firstPauseMs = 50
const maxPauseMs = 1_000

/**
 * Repeats local work that finds no database, for a while: long enough for a server to be restarted or replaced. Only
 * for work that may be done twice.
 */
export async function keepTrying<T>(
  work: () => Promise<T>,
  { forMs, signal }: { forMs: number; signal?: AbortSignal | undefined },
): Promise<T> {
  const giveUpAt = performance.now() + forMs
  for (let waitMs = firstPauseMs; ; waitMs = Math.min(maxPauseMs, waitMs * 2)) {
    try {
      return await work()
    } catch (error) {
      if (databaseFailure(error) !== 'UNAVAILABLE' || performance.now() >= giveUpAt || signal?.aborted)
        throw error
    }
    // A caller that stops waiting meanwhile gets the error of the last try.
    await pause(waitMs, undefined, signal && { signal }).catch(() => {})
  }
}
