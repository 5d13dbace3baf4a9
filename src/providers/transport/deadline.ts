/** The time of the whole call has run out. */
export class TimedOut extends Error {}

/** No byte came within the idle limit. */
export class WentIdle extends Error {}

/** The error of an aborted wait: a time limit, or the caller's own abort. */
export function describeAbort(cause: unknown): { reason: 'DEADLINE_EXCEEDED' | 'CANCELLED'; cause: unknown } {
  const isTime = cause instanceof TimedOut || cause instanceof WentIdle
  return { reason: isTime ? 'DEADLINE_EXCEEDED' : 'CANCELLED', cause }
}

/** One limit of time for a whole call, whatever arrives meanwhile, joined with the caller's own signal. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal
}

export function createDeadline(signal: AbortSignal, totalTimeoutMs: number): Deadline {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new TimedOut()), Math.min(totalTimeoutMs, maxTimerMs))
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

/** Beyond this Node's timers fire at once. */
const maxTimerMs = 2 ** 31 - 1

/** Waits, unless the signal aborts: then throws its reason. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const giveUp = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }, ms)
    signal.addEventListener('abort', giveUp, { once: true })
  })
}
