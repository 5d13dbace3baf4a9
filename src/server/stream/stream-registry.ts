import type { Viewer } from '../../accounts/viewer.ts'
import { EaselError } from '../../errors.ts'
import type { ReasonOf } from '../../reasons/reasons.ts'
import type { ServerLimits } from '../server-limits.ts'
import { createEventStream, type EventStream, type EventStreamOptions } from './event-stream.ts'

export interface RegisteredStream {
  readonly viewer: Viewer
  readonly stream: EventStream
}

export interface ReservedStream extends RegisteredStream {
  readonly token: string
  /** Operations that were started and have no results yet. */
  readonly starting: Map<string, AbortController>
  /** Gives the stream to its one connection. */
  open(): EventStream
}

export interface StreamRegistry {
  open(viewer: Viewer): EventStream
  /** Single connection mode: a stream that a later request opens by its token. */
  reserve(viewer: Viewer): ReservedStream
  find(token: string, viewer: Viewer): ReservedStream | null
  drain(): void
  readonly size: number
}

export interface StreamRegistryOptions {
  limits: Pick<ServerLimits, 'maxStreamsPerViewer' | 'pingMs' | 'reservationMs' | 'reconnectMs'>
  newToken(): string
  random(): number
  /** Calls `end` when the viewer loses its access. Returns a function that cancels this. */
  onRevoked?: ((viewer: Viewer, end: () => void) => () => void) | undefined
  onSize?: ((size: number) => void) | undefined
}

export function createStreamRegistry(options: StreamRegistryOptions): StreamRegistry {
  const { limits, newToken, random, onRevoked, onSize } = options
  const streams = new Set<RegisteredStream>()
  const reserved = new Map<string, ReservedStream>()
  const counts = new Map<string, number>()
  let draining = false

  // Spread over two intervals, so that clients do not all reconnect to the next process at once.
  const retryMs = () => limits.reconnectMs * (0.5 + random() * 1.5)

  function count({ userId }: Viewer, difference: 1 | -1): void {
    const open = (counts.get(userId) ?? 0) + difference
    if (open > 0) counts.set(userId, open)
    else counts.delete(userId)
    onSize?.(streams.size)
  }

  function register(viewer: Viewer, onEnd: EventStreamOptions['onEnd'] = () => {}): EventStream {
    refuseOverCap(viewer)
    let forget: () => void = () => {}
    const stream = createEventStream({
      pingMs: limits.pingMs,
      onEnd: (reason) => {
        streams.delete(entry)
        count(viewer, -1)
        forget()
        onEnd(reason)
      },
    })
    const entry = { viewer, stream }
    streams.add(entry)
    count(viewer, 1)
    forget = onRevoked?.(viewer, () => stream.refuse(revokedResult)) ?? forget
    return stream
  }

  function refuseOverCap({ userId }: Viewer): void {
    if ((counts.get(userId) ?? 0) < limits.maxStreamsPerViewer) return
    throw new EaselError('RATE_LIMITED', 'Too many event streams are open', {
      reason: 'TOO_MANY_STREAMS',
      allowed: limits.maxStreamsPerViewer,
      retryAfterMs: 1_000,
      hint: 'USE_SINGLE_CONNECTION_MODE',
    })
  }

  return {
    open(viewer) {
      const stream = register(viewer)
      if (draining) stream.drain(retryMs())
      return stream
    },
    reserve(viewer) {
      if (draining)
        throw new EaselError('UNAVAILABLE', 'This server is shutting down', { retryAfterMs: retryMs() })
      const token = newToken()
      const stream = register(viewer, () => {
        clearTimeout(expiry)
        reserved.delete(token)
      })
      const expiry = setTimeout(() => stream.close(), limits.reservationMs)
      expiry.unref()
      let isOpen = false
      const open = () => {
        if (isOpen)
          throw new EaselError('BAD_USER_INPUT', 'This stream is open already', {
            reason: 'STREAM_ALREADY_OPEN',
          })
        isOpen = true
        clearTimeout(expiry)
        return stream
      }
      const reservation = { token, viewer, stream, starting: new Map<string, AbortController>(), open }
      reserved.set(token, reservation)
      return reservation
    },
    find(token, viewer) {
      const reservation = reserved.get(token)
      return reservation && reservation.viewer.userId === viewer.userId ? reservation : null
    },
    drain() {
      draining = true
      for (const { stream } of [...streams]) stream.drain(retryMs())
    },
    get size() {
      return streams.size
    },
  }
}

const accessRevoked: ReasonOf<'UNAUTHENTICATED'> = 'ACCESS_REVOKED'

const revokedResult = {
  errors: [
    {
      message: 'Your access has been revoked',
      extensions: { code: 'UNAUTHENTICATED', reason: accessRevoked, retryable: false },
    },
  ],
}
