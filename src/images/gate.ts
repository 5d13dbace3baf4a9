import { EaselError } from '../errors.ts'

export interface GateOptions {
  /** How much may run at once. */
  readonly slots: number
  /** How many tasks may wait; a further one is refused. */
  readonly maxWaiting: number
}

export interface EntryOptions {
  /** How many slots the task takes; `all` runs it alone. */
  readonly slots?: number | 'all'
  /** A lower limit on waiting tasks, for work that may be refused sooner. */
  readonly maxWaiting?: number
  readonly signal?: AbortSignal | undefined
}

/** Lets a bounded number of tasks run at once, first come, first served. */
export interface Gate {
  run<T>(task: () => Promise<T>, options?: EntryOptions): Promise<T>
}

export function createGate(options: GateOptions): Gate {
  const waiting: { slots: number; enter: () => void }[] = []
  let free = options.slots
  const admit = () => {
    for (let next = waiting[0]; next && next.slots <= free; next = waiting[0]) {
      waiting.shift()
      free -= next.slots
      next.enter()
    }
  }
  const wait = (slots: number, signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.splice(waiting.indexOf(entry), 1)
        reject(signal?.reason)
        admit()
      }
      const entry = {
        slots,
        enter: () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      waiting.push(entry)
      admit()
    })
  return {
    async run(task, { slots = 1, maxWaiting = options.maxWaiting, signal } = {}) {
      signal?.throwIfAborted()
      const needed = slots === 'all' ? options.slots : Math.min(slots, options.slots)
      if (waiting.length >= maxWaiting) throw busy()
      await wait(needed, signal)
      try {
        return await task()
      } finally {
        free += needed
        admit()
      }
    },
  }
}

function busy(): EaselError {
  return new EaselError('UNAVAILABLE', 'Too many images are being worked on; try again shortly.', {
    reason: 'IMAGES_BUSY',
    retryAfterMs: 2_000,
  })
}
