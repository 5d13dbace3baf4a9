import { setTimeout as pause } from 'node:timers/promises'

/** The operations that this process works on at the moment, and who waits here for one to end. */
export interface Workers {
  work(operationId: string): Promise<void>
  /** Aborts when this process will not see the operation's end: it drains, and has given the operation away. */
  waitSignal(operationId: string): { signal: AbortSignal; done(): void }
  /** Gives what runs `timeoutMs` to end, interrupts the rest, and resolves when nothing runs any more. */
  drain(timeoutMs: number): Promise<void>
}

interface Work {
  /** Whether another job for the same operation came while it ran. */
  again: boolean
  ended: Promise<void>
}

/** How long an interrupted operation may take to release its lease and its files. */
const interruptMs = 5_000

export function createWorkers(run: (operationId: string, shutdown: AbortSignal) => Promise<void>): Workers {
  const running = new Map<string, Work>()
  const waiting = new Set<{ operationId: string; controller: AbortController }>()
  const shutdown = new AbortController()
  let draining = false

  const sendAway = () => {
    if (!draining) return
    for (const { operationId, controller } of waiting) if (!running.has(operationId)) controller.abort()
  }

  /** Ends when there is nothing left to do here: a job that came meanwhile is done too, once what runs is put down. */
  const repeat = async (operationId: string, work: Work): Promise<void> => {
    do {
      work.again = false
      await run(operationId, shutdown.signal)
    } while (work.again && !draining)
    // The error makes the queue give the job to another process.
    if (work.again) throw new Error('Easel is shutting down')
  }

  const work = async (operationId: string) => {
    if (draining) throw new Error('Easel is shutting down')
    const present = running.get(operationId)
    // Two workers of this process must not work on one operation: the second would think that its owner had died.
    if (present) {
      present.again = true
      return
    }
    const begun: Work = { again: false, ended: Promise.resolve() }
    running.set(operationId, begun)
    begun.ended = repeat(operationId, begun)
    try {
      await begun.ended
    } finally {
      running.delete(operationId)
      sendAway()
    }
  }

  const allEnded = async () => {
    while (running.size > 0) await Promise.allSettled([...running.values()].map(({ ended }) => ended))
  }

  return {
    work,
    waitSignal: (operationId) => {
      const waiter = { operationId, controller: new AbortController() }
      waiting.add(waiter)
      sendAway()
      return { signal: waiter.controller.signal, done: () => void waiting.delete(waiter) }
    },
    drain: async (timeoutMs) => {
      draining = true
      sendAway()
      await withinTime(allEnded(), timeoutMs)
      shutdown.abort(new Error('Easel is shutting down'))
      await withinTime(allEnded(), interruptMs)
    },
  }
}

async function withinTime(work: Promise<unknown>, ms: number): Promise<void> {
  const timer = new AbortController()
  const timeout = pause(ms, undefined, { signal: timer.signal }).catch(() => {})
  await Promise.race([work, timeout])
  timer.abort()
}
