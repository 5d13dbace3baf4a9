import type { FormattedExecutionResult } from 'graphql'
import { type InlineImages, type MarkedImages, noImages } from '../graphql/inline-images.ts'
import { splice } from '../graphql/spliced-text.ts'

/** Why a stream ended. After `completed` and `refused` the client does not reconnect. */
export type StreamEnd = 'completed' | 'left' | 'drained' | 'refused'

export interface StreamedOperation {
  /** The client's id of the operation in a shared stream; null where the stream carries one operation. */
  id: string | null
  results: AsyncIterable<FormattedExecutionResult>
  /** Aborted when the operation is ended from outside, so that it does not wait for events without a reader. */
  abort: AbortController
  /** Has the images of the result that came last. */
  inline: Pick<InlineImages, 'take'>
}

export interface EventStream {
  readonly body: ReadableStream<Uint8Array>
  readonly size: number
  has(id: string | null): boolean
  add(operation: StreamedOperation): void
  remove(id: string): void
  /** Tells the client to reconnect after a moment. Sends no `complete`, since the operations go on. */
  drain(retryMs: number): void
  /** Ends every operation with this error; where none runs, the stream says so itself. */
  refuse(result: FormattedExecutionResult): void
  close(): void
}

export interface EventStreamOptions {
  pingMs: number
  onEnd(end: StreamEnd): void
}

interface Running extends StreamedOperation {
  iterator: AsyncIterator<FormattedExecutionResult>
}

/** A message that waits for the client to read it, with a callback for that moment. */
interface Message {
  text: string
  images?: MarkedImages
  onSent?: () => void
}

/** A message of which the client has read a part. */
interface Sending extends Pick<Message, 'onSent'> {
  pieces: AsyncGenerator<Uint8Array, void, undefined>
}

/**
 * The body of an event stream of the GraphQL over SSE protocol: one operation, or many that share a connection.
 *
 * Everything is pulled. An operation is asked for its next result only when the client has taken the one before, so
 * a client that does not read costs one result of each operation and no more. Of that result the images are read only
 * while it is sent. Operations take turns in the order in which their results came.
 */
export function createEventStream({ pingMs, onEnd }: EventStreamOptions): EventStream {
  const running = new Map<string | null, Running>()
  const ready: Message[] = [{ text: ':\n\n' }]
  let ended = false
  let shared = true
  let wake: () => void = () => {}
  let pingDue = false
  let sending: Sending | null = null
  const left = new AbortController()
  const pinger = setInterval(() => {
    pingDue = true
    wake()
  }, pingMs)
  pinger.unref()

  const push = (message: Message) => {
    ready.push(message)
    wake()
  }

  function end(reason: StreamEnd): void {
    if (ended) return
    ended = true
    clearInterval(pinger)
    for (const operation of running.values()) stop(operation)
    running.clear()
    wake()
    onEnd(reason)
  }

  function finish({ id }: Running): void {
    running.delete(id)
    push({ text: printComplete(id), ...(shared ? {} : { onSent: () => end('completed') }) })
  }

  async function advance(operation: Running): Promise<void> {
    const step = await operation.iterator.next().catch(() => null)
    const images = operation.inline.take()
    if (running.get(operation.id) !== operation) return
    if (!step || step.done) finish(operation)
    else push({ text: printNext(operation.id, step.value), images, onSent: () => void advance(operation) })
  }

  function begin({ text, images = noImages, onSent }: Message): Sending {
    pingDue = false
    return { pieces: splice({ text, images }, left.signal), ...(onSent && { onSent }) }
  }

  /** The next piece of the message that is being sent; null when it is out. */
  async function nextPiece({ pieces, onSent }: Sending): Promise<Uint8Array | null> {
    const { done, value } = await pieces.next()
    if (!done) return value
    sending = null
    onSent?.()
    return null
  }

  /** An image that cannot be read to its end leaves half a message: the client has to come again. */
  function fail(error: unknown): never {
    end('left')
    throw error
  }

  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      const message = sending
        ? undefined
        : (ready.shift() ?? (pingDue && !ended ? { text: ':\n\n' } : undefined))
      if (message) sending = begin(message)
      if (sending) {
        const piece = await nextPiece(sending).catch(fail)
        if (piece) return controller.enqueue(piece)
        continue
      }
      if (ended) return controller.close()
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  function cancel(): void {
    left.abort(new DOMException('The client left', 'AbortError'))
    end('left')
  }

  return {
    body: new ReadableStream({ pull, cancel }, { highWaterMark: 0 }),
    get size() {
      return running.size
    },
    has: (id) => running.has(id),
    add(operation) {
      if (ended) return stop({ ...operation, iterator: operation.results[Symbol.asyncIterator]() })
      if (operation.id === null) shared = false
      const started = { ...operation, iterator: operation.results[Symbol.asyncIterator]() }
      running.set(operation.id, started)
      void advance(started)
    },
    remove(id) {
      const operation = running.get(id)
      if (!operation) return
      running.delete(id)
      stop(operation)
    },
    drain(retryMs) {
      ready.length = 0
      push({ text: `retry: ${Math.round(retryMs)}\n\n` })
      end('drained')
    },
    refuse(result) {
      ready.length = 0
      // No operation carries the error then. A comment is the one message that every client lets pass.
      if (running.size === 0) push({ text: `: ${JSON.stringify(result)}\n\n` })
      for (const id of running.keys()) push({ text: printNext(id, result) + printComplete(id) })
      end('refused')
    },
    close: () => end('left'),
  }
}

/** Not awaited: a generator that is waiting answers `return` only after its wait, which the abort ends. */
function stop({ abort, iterator }: Running): void {
  abort.abort(new DOMException('Nobody listens to this operation any more', 'AbortError'))
  iterator.return?.().catch(() => {})
}

/** A whole stream of one result. */
export function printOnly(result: FormattedExecutionResult): string {
  return printNext(null, result) + printComplete(null)
}

function printNext(id: string | null, result: FormattedExecutionResult): string {
  const data = id === null ? result : { id, payload: result }
  return `event: next\ndata: ${JSON.stringify(data)}\n\n`
}

function printComplete(id: string | null): string {
  return id === null ? 'event: complete\ndata:\n\n' : `event: complete\ndata: ${JSON.stringify({ id })}\n\n`
}
