import { monitorEventLoopDelay } from 'node:perf_hooks'
import { answerBench } from './answer-bench.ts'

/** What only a target itself can know, since it was last asked. */
export interface OwnFigures {
  /** How late timers came, the 99th percentile. Waiting for a processor counts too. */
  loopDelayMs: number
  /** To its database, but for those of the queue; null without one. */
  statements: number | null
}

const everyMs = 10

/** Tells the benchmark where a target listens, and its figures whenever it asks. */
export function tellOwnFigures(url: string, takeStatements: () => number | null = () => null): void {
  const delays = monitorEventLoopDelay({ resolution: everyMs })
  delays.enable()
  answerBench<'figures', OwnFigures>(url, () => {
    // What is recorded is the time between two timers.
    const loopDelayMs = Math.max(0, delays.percentile(99) / 1e6 - everyMs)
    delays.reset()
    return { loopDelayMs, statements: takeStatements() }
  })
}
