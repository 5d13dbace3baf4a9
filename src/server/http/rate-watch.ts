export interface RateWatch {
  add(bytes: number): void
  stop(): void
}

export interface RateWatchOptions {
  minBytesPerSecond: number
  windowMs: number
  /** False while Easel itself holds the body back, e.g. because the disk is slow. */
  isWaiting?(): boolean
  onTooSlow(): void
}

/** Calls `onTooSlow` once, after a whole window in which fewer bytes came than the minimum rate asks for. */
export function watchRate({ isWaiting = () => true, ...options }: RateWatchOptions): RateWatch {
  const needed = (options.minBytesPerSecond * options.windowMs) / 1000
  let seen = 0
  const timer = setInterval(() => {
    if (seen < needed && isWaiting()) {
      clearInterval(timer)
      options.onTooSlow()
    }
    seen = 0
  }, options.windowMs)
  return {
    add: (bytes) => {
      seen += bytes
    },
    stop: () => clearInterval(timer),
  }
}
