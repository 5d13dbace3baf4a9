import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { print } from 'graphql'
import { type Client as EventClient, NetworkError } from 'graphql-sse'
import {
  OperationStatusesDocument,
  type OperationStatusesSubscription,
  PartialImagesDocument,
  type PartialImagesSubscription,
} from '../generated/graphql.ts'
import { describeFailure, type Failure, FailureError, networkFailure } from './failure.ts'
import { backoffMs, pause } from './pause.ts'

export type StatusEvent = OperationStatusesSubscription['operationStatus']
export type ImageEvent = PartialImagesSubscription['partialImages']

export interface FollowOptions {
  events: EventClient
  operationId: string
  onStatus(event: StatusEvent): void
  onImage(event: ImageEvent): void
  /** False while the connection is down and being made again. */
  onConnected(connected: boolean): void
  signal: AbortSignal
}

/** Longer than the gateway's pings are apart: a stream that is silent for this long has lost its connection. */
const silenceMs = 30_000

/**
 * Follows an operation to its end through two streams, and through lost networks, closed laptops and restarts of the
 * gateway. Each stream remembers the last sequence it saw and asks for what came after, so no event is lost and none
 * comes twice. Resolves when the operation has ended. Throws a `FailureError` when trying again cannot help.
 */
export async function followOperation(options: FollowOptions): Promise<void> {
  const ended = new AbortController()
  const stop = new AbortController()
  const shared = { ...options, signal: AbortSignal.any([options.signal, stop.signal]) }
  const statuses = followStream({
    ...shared,
    document: OperationStatusesDocument,
    read: ({ operationStatus }: OperationStatusesSubscription) => operationStatus,
    onEvent: options.onStatus,
    isEnd: (event) => event?.operation.done === true,
    onEnd: () => ended.abort(),
  })
  const images = followStream({
    ...shared,
    document: PartialImagesDocument,
    read: ({ partialImages }: PartialImagesSubscription) => partialImages,
    onEvent: options.onImage,
    // Only the status shows which image was the last one.
    isEnd: () => ended.signal.aborted,
    onEnd: () => {},
  })
  try {
    await Promise.all([statuses, images])
  } finally {
    stop.abort()
  }
}

interface StreamOptions<Data, Event extends { sequence: number }> extends FollowOptions {
  document: TypedDocumentNode<Data, { operationId: string; after: number }>
  read(data: Data): Event
  onEvent(event: Event): void
  isEnd(last: Event | null): boolean
  onEnd(): void
}

interface Position<Event> {
  last: Event | null
  after: number
}

async function followStream<Data, Event extends { sequence: number }>(
  options: StreamOptions<Data, Event>,
): Promise<void> {
  const { signal, onConnected, isEnd, onEnd } = options
  const position: Position<Event> = { last: null, after: 0 }
  for (let attempt = 0; !signal.aborted; attempt++) {
    const before = position.after
    if (isEnd(position.last)) return onEnd()
    try {
      await readStream(options, position)
      if (isEnd(position.last)) return onEnd()
    } catch (error) {
      if (signal.aborted) return
      const failure = failureOfStream(error)
      if (!failure.retryable) throw new FailureError(failure)
      onConnected(false)
    }
    if (position.after > before) attempt = 0
    await pause(backoffMs(attempt), signal).catch(() => {})
  }
}

async function readStream<Data, Event extends { sequence: number }>(
  { events, operationId, document, read, onEvent, onConnected, signal }: StreamOptions<Data, Event>,
  position: Position<Event>,
): Promise<void> {
  const request = { query: print(document), variables: { operationId, after: position.after } }
  const watch = watchConnection({ parent: signal, onOffline: () => onConnected(false) })
  const stream = events.iterate<Data>(request, { connected: () => onConnected(true), message: watch.touch })
  const stop = () => void stream.return?.()
  watch.signal.addEventListener('abort', stop)
  try {
    for await (const { data, errors } of stream) {
      const [error] = errors ?? []
      if (error) throw new FailureError(describeFailure(error))
      if (!data) continue
      position.last = read(data)
      position.after = position.last.sequence
      onEvent(position.last)
    }
  } finally {
    watch.close()
    stop()
  }
}

function failureOfStream(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure
  const status = error instanceof NetworkError ? error.response?.status : undefined
  if (status === 401) return describeFailure({ message: 'Sign in', extensions: { code: 'UNAUTHENTICATED' } })
  return networkFailure(status)
}

/** Detects a lost connection without an error: the browser went offline, or nothing came for too long. */
function watchConnection({ parent, onOffline }: { parent: AbortSignal; onOffline(): void }) {
  const control = new AbortController()
  const cut = () => control.abort()
  const goOffline = () => {
    onOffline()
    cut()
  }
  let timer = setTimeout(cut, silenceMs)
  addEventListener('offline', goOffline)
  parent.addEventListener('abort', cut)
  return {
    signal: control.signal,
    touch() {
      clearTimeout(timer)
      timer = setTimeout(cut, silenceMs)
    },
    close() {
      clearTimeout(timer)
      removeEventListener('offline', goOffline)
      parent.removeEventListener('abort', cut)
    },
  }
}
