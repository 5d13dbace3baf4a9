import { onTestFinished, vi } from 'vitest'

/** No timer fires until the test lets time pass, with `vi.advanceTimersByTime`. */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
}

/** A millisecond passes with a turn of the event loop. The upstream shares it: a slow machine slows both. */
export function passTimeByTurns(): void {
  stopTime()
  const timer = setInterval(() => vi.advanceTimersByTime(1), 1)
  onTestFinished(() => clearInterval(timer))
}
