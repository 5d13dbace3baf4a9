import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/* What Linux knows of a process and of all below it: /proc. */

/** On every Linux that Node runs on. */
const tickMs = 10

/** Its fields from the third on; the second one is a name in brackets and may hold anything. */
function readStat(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** Null for a process that has ended since it was listed. */
function readParent(pid: number): number | null {
  try {
    return Number(readStat(pid)[1])
  } catch {
    return null
  }
}

/** The process and all below it. */
export function listTree(root: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const parents = new Map(pids.map((pid) => [Number(pid), readParent(Number(pid))]))
  const childrenOf = (pid: number): number[] =>
    [...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...childrenOf(child)])
  return [root, ...childrenOf(root)]
}

/** User and system time of these processes, and of those children of theirs that have ended. */
export function readCpuMs(pids: readonly number[]): number {
  const [userTime, endedChildrenSystemTime] = [11, 14]
  const ticks = pids.flatMap((pid) => readStat(pid).slice(userTime, endedChildrenSystemTime + 1))
  return tickMs * sum(ticks.map(Number))
}

/** The most that each had in memory since `forgetPeaks`. */
export function readPeakRssBytes(pids: readonly number[]): number {
  return 1024 * sum(pids.map(readPeakKilobytes))
}

function readPeakKilobytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1])
}

export function forgetPeaks(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
