import type { PhaseTimes } from './phase.ts'
import type { Used } from './watch.ts'

/** One phase of a target. */
export interface Sample extends PhaseTimes {
  /** Null for the provider itself. */
  used: Used | null
}

/** What the phases of a target in a cell come to; null where a figure has no meaning. */
export interface Figures {
  /** For one operation. */
  cpuMs: number | null
  latencyMs: number
  firstPartialMs: number | null
  peakRssBytes: number | null
  loopDelayMs: number | null
  /** For one operation. */
  statements: number | null
}

export function sumUp(samples: readonly Sample[]): Figures {
  const latenciesMs = samples.flatMap((sample) => sample.latenciesMs)
  const used = samples.flatMap((sample) => sample.used ?? [])
  const most = (read: (each: Used) => number) => (used.length > 0 ? Math.max(...used.map(read)) : null)
  const perOperation = (read: (each: Used) => number | null) => {
    const values = used.flatMap((each) => read(each) ?? [])
    return values.length > 0 ? values.reduce((total, each) => total + each) / latenciesMs.length : null
  }
  return {
    cpuMs: perOperation((each) => each.cpuMs),
    latencyMs: findMedian(latenciesMs) ?? Number.NaN,
    firstPartialMs: findMedian(samples.flatMap((sample) => sample.firstPartialsMs)),
    peakRssBytes: most((each) => each.peakRssBytes),
    loopDelayMs: most((each) => each.loopDelayMs),
    statements: perOperation((each) => each.statements),
  }
}

function findMedian(values: readonly number[]): number | null {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? null
}
