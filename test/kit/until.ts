import { setTimeout as pause } from 'node:timers/promises'
import { waitMs } from './limits.ts'

/** Soon at first, then less and less often: looking takes what is looked at from its work. */
const firstPauseMs = 10
const longestPauseMs = 200

/** Looks until it is so. For what nobody tells: a state in a database, a line in a log. */
export async function until(isTrue: () => boolean | Promise<boolean>, withinMs = waitMs): Promise<void> {
  const startedAt = performance.now()
  let pauseMs = firstPauseMs
  while (!(await isTrue())) {
    const waitedMs = Math.round(performance.now() - startedAt)
    if (waitedMs > withinMs) throw new Error(`It was still not so after ${waitedMs} ms: ${isTrue}`)
    await pause(pauseMs)
    pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)
  }
}
