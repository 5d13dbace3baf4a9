import { EaselError } from '../errors.ts'
import { UserTurns } from './user-turns.ts'

export interface LaneLimits {
  /** How many tasks may wait; a further one is refused. */
  readonly maxWaiting: number
  /** How many of them may be one user's. */
  readonly maxWaitingPerUser?: number
}

export interface GateOptions extends LaneLimits {
  /** How much may run at once. */
  readonly slots: number
}

export interface EntryOptions {
  /** How many slots the task takes; `all` runs it alone in its lane. */
  readonly slots?: number | 'all'
  /** Whose work it is: users take turns. Null is the gateway's own, which no user's share bounds. */
  readonly userId?: string | null | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Lane {
  run<T>(task: () => Promise<T>, options?: EntryOptions): Promise<T>
}

/** Lets a bounded number of tasks run at once: users take turns, and each one's tasks run in the order of their arrival. */
export interface Gate extends Lane {
  /**
   * A lane behind this one: its tasks begin only while nothing waits here. They leave one slot free, where there are
   * two, so that what arrives here seldom waits for what runs there.
   */
  laneBehind(limits: LaneLimits): Lane
}

interface Entry {
  readonly slots: number
  enter(): void
}

interface Line {
  readonly waiting: UserTurns<Entry>
  /** Slots that may still be taken. */
  room: number
}

export function createGate({ slots, ...limits }: GateOptions): Gate {
  const lines: Line[] = []
  let free = slots
  const admit = () => {
    for (const line of lines) {
      admitTo(line)
      if (line.waiting.size > 0) return
    }
  }
  const admitTo = (line: Line) => {
    const { waiting } = line
    for (let next = waiting.first; next && next.slots <= Math.min(free, line.room); next = waiting.first) {
      waiting.takeFirst()
      free -= next.slots
      line.room -= next.slots
      next.enter()
    }
  }
  const openLane = (room: number, { maxWaiting, maxWaitingPerUser = maxWaiting }: LaneLimits): Lane => {
    const line = { waiting: new UserTurns<Entry>(), room }
    const { waiting } = line
    lines.push(line)
    return {
      async run(task, { slots: asked = 1, userId = null, signal } = {}) {
        signal?.throwIfAborted()
        const needed = asked === 'all' ? room : Math.min(asked, room)
        if (waiting.size >= maxWaiting) throw busy()
        if (userId !== null && waiting.sizeOf(userId) >= maxWaitingPerUser) throw busy()
        await waitIn(waiting, { slots: needed, userId, signal }, admit)
        try {
          return await task()
        } finally {
          free += needed
          line.room += needed
          admit()
        }
      },
    }
  }
  const first = openLane(slots, limits)
  return { ...first, laneBehind: (behind) => openLane(Math.max(1, slots - 1), behind) }
}

interface WaitOptions {
  readonly slots: number
  readonly userId: string | null
  readonly signal: AbortSignal | undefined
}

function waitIn(
  waiting: UserTurns<Entry>,
  { slots, userId, signal }: WaitOptions,
  admit: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      waiting.remove(userId, entry)
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
    waiting.add(userId, entry)
    admit()
  })
}

function busy(): EaselError {
  return new EaselError('UNAVAILABLE', 'Too many images are being worked on; try again shortly.', {
    reason: 'IMAGES_BUSY',
    retryAfterMs: 2_000,
  })
}
