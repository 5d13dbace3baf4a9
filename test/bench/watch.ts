import type { Child } from './child.ts'
import type { OwnFigures } from './own-figures.ts'
import { forgetPeaks, listTree, readCpuMs, readPeakRssBytes } from './process-tree.ts'

/** What a target took over a phase. */
export interface Used extends OwnFigures {
  cpuMs: number
  peakRssBytes: number
}

/** From now until the answered function is called. */
export async function watch(process: Child<'figures', OwnFigures>): Promise<() => Promise<Used>> {
  const before = listTree(process.pid)
  await process.ask('figures')
  forgetPeaks(before)
  const cpuMsBefore = readCpuMs(before)
  return async () => {
    const pids = listTree(process.pid)
    const cpuMs = readCpuMs(pids) - cpuMsBefore
    const peakRssBytes = readPeakRssBytes(pids)
    return { cpuMs, peakRssBytes, ...(await process.ask('figures')) }
  }
}
