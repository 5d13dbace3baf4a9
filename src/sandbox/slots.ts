import { WireError } from './wire-error.ts'

export interface Slots {
  /** Runs the work when a slot is free; refuses at once when too many wait. */
  run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

export function createSlots({ slots, maxWaiting }: { slots: number; maxWaiting: number }): Slots {
  const waiting: (() => void)[] = []
  let free = slots

  const enter = async (signal: AbortSignal) => {
    signal.throwIfAborted()
    if (free > 0) {
      free--
      return
    }
    if (waiting.length >= maxWaiting) throw refuseOverload()
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.splice(waiting.indexOf(start), 1)
        reject(signal.reason)
      }
      const start = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      waiting.push(start)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  // A freed slot goes straight to the next in line, so that nobody overtakes.
  const leave = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }

  return {
    async run(signal, work) {
      await enter(signal)
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}

function refuseOverload(): WireError {
  return new WireError('server_is_overloaded', 'The server is overloaded. Please try again later.', {
    status: 503,
    type: 'service_unavailable_error',
  })
}
