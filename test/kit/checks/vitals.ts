import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHistogram } from 'node:perf_hooks'

/** How a gateway's process is doing. */
export interface Vitals {
  /**
   * The 99th percentile since the last reading, of what this process did itself: while other processes have the
   * processor nobody works. Null over too short a time, when compiling is most of it.
   */
  loopDelayMs: number | null
  /** Files of its data folder that it holds open, but for those of an embedded database. */
  openFiles: string[]
  rssBytes: number
  /** The most since the last reading. */
  peakRssBytes: number
}

const delays = createHistogram()
const everyMs = 10
/** About five seconds. */
const fewestDelays = 500

/** How late a timer comes, and how much this process has computed meanwhile: the smaller of both is its own doing. */
function watchLoop(): void {
  let at = performance.now()
  let usage = process.cpuUsage()
  setInterval(() => {
    const lateMs = performance.now() - at - everyMs
    const { user, system } = process.cpuUsage(usage)
    delays.record(Math.max(1, Math.round(Math.min(lateMs * 1000, user + system))))
    at = performance.now()
    usage = process.cpuUsage()
  }, everyMs).unref()
}
watchLoop()

export function resetVitals(): void {
  delays.reset()
  // This makes the kernel forget the peak of the resident set.
  writeFileSync('/proc/self/clear_refs', '5')
}

export function readVitals(dataDir: string): Vitals {
  const loopDelayMs = delays.count < fewestDelays ? null : delays.percentile(99) / 1_000
  const peakRssBytes = readPeak()
  resetVitals()
  globalThis.gc?.()
  return {
    loopDelayMs,
    openFiles: openFilesBelow(dataDir),
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes,
  }
}

function readPeak(): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

function openFilesBelow(folder: string): string[] {
  const isWorkFile = (path: string) =>
    ['spool', 'staging', 'images'].some((name) => path.startsWith(join(folder, name)))
  return readdirSync('/proc/self/fd').map(targetOf).filter(isWorkFile)
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(join('/proc/self/fd', descriptor))
  } catch {
    // It was the one that reads this list.
    return ''
  }
}
