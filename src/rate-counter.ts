import { LRUCache } from 'lru-cache'

/** Every rate counts by the minute. */
export const rateMinuteMs = 60_000
/** Keys that are counted at once; beyond it those that are silent longest begin anew. */
const maxKeys = 50_000

/** How much of a rate is used, for the answer that tells a client. */
export interface RateState {
  /** What it is a rate of, e.g. `address` or `user`. */
  policy: string
  limit: number
  remaining: number
  /** Until it counts anew. */
  resetMs: number
}

interface Count {
  window: number
  points: number
}

/** Counts points by key within the minute of the clock: the same minute in every process. */
export class RateCounter {
  readonly #counts = new LRUCache<string, Count>({ max: maxKeys })
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** The minute, counted from 1970. */
  get window(): number {
    return Math.floor(this.#now() / rateMinuteMs)
  }

  get resetMs(): number {
    return rateMinuteMs - (this.#now() % rateMinuteMs)
  }

  points(key: string): number {
    const count = this.#counts.get(key)
    return count?.window === this.window ? count.points : 0
  }

  add(key: string, points: number): void {
    const { window } = this
    const count = this.#counts.get(key)
    if (count?.window === window) count.points += points
    else this.#counts.set(key, { window, points })
  }
}
