import { setTimeout as pause } from 'node:timers/promises'

/** Soon at first, then less and less often: looking takes what is looked at from its work. */
const firstPauseMs = 10
const longestPauseMs = 200

/** Looks until it is so. For what nobody tells: a state in a database, a line in a log. */
export async function until(isTrue: () => boolean | Promise<boolean>, withinMs = 25_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs
  let pauseMs = firstPauseMs
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) throw new Error(`It was not so within ${withinMs} ms`)
    await pause(pauseMs)
    pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)
  }
}
