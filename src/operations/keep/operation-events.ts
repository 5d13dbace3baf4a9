import type { Database } from '../../database/database.ts'
import { toUnavailable } from '../../database/database-failure.ts'
import type { OperationEvent } from '../../database/generated/client.ts'
import { keepTrying } from '../../database/keep-trying.ts'
import { channels } from '../../database/notifications.ts'
import { statusEventType } from '../transitions/new-events.ts'

/** A follower looks again after this long without a notification, so a lost one delays an event by this at most. */
const pollMs = 5_000
const pageSize = 200
/** How long a follower waits for a database that is away before it gets UNAVAILABLE. */
const patienceMs = 30_000

export interface EventLog {
  /** Replays what came after `after`, then follows live, and ends once the operation has. */
  follow(
    operationId: string,
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<OperationEvent, void, undefined>
}

export function createEventLog(database: Database): EventLog {
  const wakeUps = new WakeUps()
  database.notifications.subscribe(channels.event, (payload) => wakeUps.wake(payload))
  const pages = new SharedReads<OperationEvent[]>()

  const read = (operationId: string, after: number) =>
    pages.read(`${operationId} ${after}`, () =>
      database.prisma.operationEvent.findMany({
        where: { operationId, sequence: { gt: after } },
        orderBy: { sequence: 'asc' },
        take: pageSize,
      }),
    )

  return {
    follow: async function* (operationId, after, signal) {
      const waker = wakeUps.join(operationId, signal)
      try {
        for (let last = after; !signal?.aborted; ) {
          waker.reset()
          const events = await patiently(() => read(operationId, last), signal)
          for (const event of events) {
            last = event.sequence
            yield event
            if (isEnd(event)) return
          }
          if (events.length < pageSize) {
            const hasPassed = () => hasEnded(database, operationId, last)
            if (events.length === 0 && (await patiently(hasPassed, signal))) return
            await waker.wait(pollMs)
          }
        }
      } finally {
        waker.leave()
      }
    },
  }
}

/** While the database restarts, events are delayed and the follower gets no error. */
function patiently<T>(read: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return keepTrying(read, { forMs: patienceMs, signal }).catch((error) => {
    throw toUnavailable(error)
  })
}

const isEnd = (event: OperationEvent) =>
  event.type === statusEventType && event.status !== 'QUEUED' && event.status !== 'RUNNING'

/** For a follower that starts after the last event: no event will come. */
async function hasEnded(database: Database, operationId: string, last: number): Promise<boolean> {
  const operation = await database.prisma.operation.findUnique({
    where: { id: operationId },
    select: { status: true, lastSequence: true },
  })
  if (!operation) return true
  return operation.status !== 'QUEUED' && operation.status !== 'RUNNING' && operation.lastSequence <= last
}

interface Waker {
  reset(): void
  wait(timeoutMs: number): Promise<void>
  leave(): void
}

/** The followers that wait, by operation, so that a notification wakes only those of its operation. */
class WakeUps {
  readonly #waiting = new Map<string, Set<() => void>>()

  wake(operationId: string): void {
    for (const wake of this.#waiting.get(operationId) ?? []) wake()
  }

  join(operationId: string, signal?: AbortSignal): Waker {
    let woken = Promise.withResolvers<void>()
    const wake = () => woken.resolve()
    const all = this.#waiting.get(operationId) ?? new Set()
    this.#waiting.set(operationId, all.add(wake))
    signal?.addEventListener('abort', wake)
    return {
      reset: () => {
        if (!signal?.aborted) woken = Promise.withResolvers<void>()
      },
      wait: async (timeoutMs) => {
        const timer = setTimeout(wake, timeoutMs)
        await woken.promise
        clearTimeout(timer)
      },
      leave: () => {
        signal?.removeEventListener('abort', wake)
        all.delete(wake)
        if (all.size === 0) this.#waiting.delete(operationId)
      },
    }
  }
}

/** Followers in step ask for the same page at the same moment: they share one query. */
class SharedReads<T> {
  readonly #running = new Map<string, Promise<T>>()

  read(key: string, query: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key)
    if (running) return running
    const started = query().finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }
}
