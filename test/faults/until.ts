import { setTimeout as pause } from 'node:timers/promises'

const lookEveryMs = 10

/** Looks until it is so. For what nobody tells: a state in a database, a line in a log. */
export async function until(isTrue: () => boolean | Promise<boolean>, withinMs = 25_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) throw new Error(`It was not so within ${withinMs} ms`)
    await pause(lookEveryMs)
  }
}
