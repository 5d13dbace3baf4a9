import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RateWatchOptions, watchRate } from '../../src/server/http/rate-watch.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'

const limits = defaultLimits.requests
const minute = 60_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Sends so many bytes each second. Returns how many seconds passed before it was cut off; null: all of it came. */
function send(sizes: Iterable<number>, options: Partial<RateWatchOptions> = {}): number | null {
  let cut = false
  const onTooSlow = () => {
    cut = true
  }
  const watch = watchRate({ limits, onTooSlow, ...options })
  let seconds = 0
  for (const size of sizes) {
    if (cut) break
    watch.add(size)
    vi.advanceTimersByTime(1_000)
    seconds += 1
  }
  watch.stop()
  return cut ? seconds : null
}

function* steady(bytesPerSecond: number, total: number): Generator<number> {
  for (let left = total; left > 0; left -= bytesPerSecond) yield Math.min(left, bytesPerSecond)
}

describe('a body', () => {
  it('of ten megabytes gets through from a phone on a line of 100 kbit/s', () => {
    expect(send(steady(12_500, 10 * 2 ** 20))).toBeNull()
  })

  it('gets through with pauses, since what came before them counts', () => {
    const sizes = Array.from({ length: 600 }, (_, second) => (second % 60 < 30 ? 25_000 : 1_100))
    expect(send(sizes)).toBeNull()
  })

  it('is cut off in its first window where it is slower than the minimum', () => {
    expect(send(steady(1_000, 10_000_000))).toBe(limits.rateWindowMs / 1000)
  })

  it.each([1_200, 4_000, 8_000])(
    'of %s bytes a second is cut off once that is too slow on average',
    (rate) => {
      const seconds = send(steady(rate, 100_000_000)) ?? Number.POSITIVE_INFINITY
      expect(seconds * 1_000).toBeLessThanOrEqual(limits.rateRiseMs)
    },
  )

  it('is cut off after the longest time, however fast it comes', () => {
    expect(send(steady(1_000_000, 10_000_000_000))).toBe(limits.bodyTimeoutMs / 1000)
  })

  it('is not slow while Easel itself holds it back', () => {
    const sizes = Array.from({ length: 120 }, () => 0)
    expect(send(sizes, { isWaiting: () => false })).toBeNull()
  })

  it('that has ended is not watched any more', () => {
    const onTooSlow = vi.fn()
    watchRate({ limits, onTooSlow }).stop()
    vi.advanceTimersByTime(60 * minute)
    expect(onTooSlow).not.toHaveBeenCalled()
  })
})
