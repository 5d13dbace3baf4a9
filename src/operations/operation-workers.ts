import { setTimeout as pause } from 'node:timers/promises'

/** The operations that this process works on at the moment, and who waits here for one to end. */
export interface Workers {
  work(operationId: string): Promise<void>
  /** Aborts when this process will not see the operation's end: it drains, and has given the operation away. */
  waitSignal(operationId: string): { signal: AbortSignal; done(): void }
  /** Gives what runs `timeoutMs` to end, interrupts the rest, and resolves when nothing runs any more. */
  drain(timeoutMs: number): Promise<void>
}

/** How long an interrupted operation may take to put down what it holds. */
const interruptMs = 5_000

export function createWorkers(run: (operationId: string, shutdown: AbortSignal) => Promise<void>): Workers {
  const running = new Map<string, Promise<void>>()
  const waiting = new Set<{ operationId: string; controller: AbortController }>()
  const shutdown = new AbortController()
  let draining = false

  const sendAway = () => {
    if (!draining) return
    for (const { operationId, controller } of waiting) if (!running.has(operationId)) controller.abort()
  }

  const work = async (operationId: string) => {
    // A job that comes while the same operation is still being put down finds it held.
    const before = running.get(operationId)
    const started = run(operationId, shutdown.signal)
    if (!before) running.set(operationId, started)
    try {
      await started
    } finally {
      if (running.get(operationId) === started) running.delete(operationId)
      sendAway()
    }
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
      const settled = () => Promise.allSettled(running.values())
      await withinTime(settled(), timeoutMs)
      shutdown.abort(new Error('Easel is shutting down'))
      await withinTime(settled(), interruptMs)
    },
  }
}

async function withinTime(work: Promise<unknown>, ms: number): Promise<void> {
  const timer = new AbortController()
  const timeout = pause(ms, undefined, { signal: timer.signal }).catch(() => {})
  await Promise.race([work, timeout])
  timer.abort()
}
