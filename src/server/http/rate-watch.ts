import type { ServerLimits } from '../server-limits.ts'

export interface RateWatch {
  add(bytes: number): void
  stop(): void
}

export type RateLimits = Pick<
  ServerLimits,
  'minBytesPerSecond' | 'rateWindowMs' | 'risenBytesPerSecond' | 'rateRiseMs' | 'bodyTimeoutMs'
>

export interface RateWatchOptions {
  limits: RateLimits
  /** False while Easel itself holds the body back, e.g. because the disk is slow. */
  isWaiting?(): boolean
  onTooSlow(): void
}

/**
 * Calls `onTooSlow` once: after a whole window in which fewer bytes came than the minimum rate asks for, at the end of a
 * window before which fewer came in all than the risen rate asks for, or after the longest time that a body may take.
 */
export function watchRate({ limits, isWaiting = () => true, onTooSlow }: RateWatchOptions): RateWatch {
  const { minBytesPerSecond, rateWindowMs } = limits
  let seen = 0
  let total = 0
  /** Without the windows in which Easel held the body back. */
  let waitedMs = 0
  const isTooSlow = () => {
    if (!isWaiting()) return false
    waitedMs += rateWindowMs
    const isCrawling = seen < bytesIn(rateWindowMs, minBytesPerSecond)
    return isCrawling || total < bytesIn(waitedMs, risenRate(limits, waitedMs))
  }
  const look = () => {
    if (isTooSlow()) end()
    seen = 0
  }
  const stop = () => {
    clearInterval(window)
    clearTimeout(longest)
  }
  const end = () => {
    stop()
    onTooSlow()
  }
  const window = setInterval(look, rateWindowMs)
  const longest = setTimeout(end, limits.bodyTimeoutMs)
  return {
    add: (bytes) => {
      seen += bytes
      total += bytes
    },
    stop,
  }
}

const bytesIn = (ms: number, bytesPerSecond: number) => (bytesPerSecond * ms) / 1000

/** What a body must have reached on average: as much as at first, and evenly more from then on. */
function risenRate({ minBytesPerSecond, risenBytesPerSecond, rateRiseMs }: RateLimits, ms: number): number {
  const rise = Math.max(0, risenBytesPerSecond - minBytesPerSecond)
  return minBytesPerSecond + rise * Math.min(1, ms / rateRiseMs)
}
