/** Waits before another try; the network coming back ends the wait early. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const end = (settle: () => void) => () => {
      clearTimeout(timer)
      removeEventListener('online', done)
      signal.removeEventListener('abort', stop)
      settle()
    }
    const done = end(resolve)
    const stop = end(() => reject(signal.reason))
    const timer = setTimeout(done, ms)
    addEventListener('online', done)
    signal.addEventListener('abort', stop)
  })
}

const longestMs = 8_000

export function backoffMs(attempt: number): number {
  return Math.min(longestMs, 500 * 2 ** Math.min(attempt, 6)) * (0.75 + Math.random() / 2)
}
