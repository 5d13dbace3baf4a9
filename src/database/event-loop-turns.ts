import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PGlite } from '@electric-sql/pglite'

/** How long statements may follow each other without a break. */
const longestRunMs = 10

/**
 * PGlite computes in this thread, and the answer to one statement begins the next one without a turn of the event loop:
 * while many transactions wait, no request would be read, no timer run and no lease be renewed. So at intervals a
 * statement waits for a turn of the event loop. Statements are exclusive: none of another transaction runs meanwhile.
 */
export function giveTurns(pglite: PGlite): void {
  const execute = pglite.execProtocolRaw.bind(pglite)
  let lastTurnAt = performance.now()
  pglite.execProtocolRaw = async (message, options) => {
    if (performance.now() - lastTurnAt > longestRunMs) {
      await nextTurn()
      lastTurnAt = performance.now()
    }
    return execute(message, options)
  }
}
