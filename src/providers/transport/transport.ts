import type { LookupFunction } from 'node:net'
import { getDefaultHighWaterMark } from 'node:stream'
import { Agent, type Dispatcher, request as sendRequest } from 'undici'
import { releasePiece } from '../../piece-pool.ts'
import { ProviderFailure } from '../failure.ts'
import { type Deadline, describeAbort, WentIdle } from './deadline.ts'

export interface RequestBody {
  contentType: string
  byteLength: number
  /** The bytes, from the start. */
  open(): AsyncIterable<Uint8Array>
}

/** One HTTP request as a dialect describes it, without credentials. */
export interface HttpRequest {
  method: 'GET' | 'POST'
  url: URL
  headers: Record<string, string>
  body: RequestBody | null
}

export interface HttpReply {
  status: number
  /** The headers that Easel uses; no others of the upstream are passed on. */
  headers: Record<string, string>
  body: AsyncIterable<Uint8Array>
  /** Ends the connection, and a wait for the next piece of the body with a failure. A spooled reply has none. */
  cut?(): void
}

export interface SendOptions {
  deadline: Deadline
  idleTimeoutMs: number
  maxBytes: number
  /** Awaited when the connection is there and before the first byte leaves. */
  onSend?(): Promise<void>
}

export interface Transport {
  send(request: HttpRequest, options: SendOptions): Promise<HttpReply>
  close(): Promise<void>
}

export interface TransportOptions {
  connectTimeoutMs: number
  /** Resolves and checks the name of a host; the system's resolver by default. */
  lookup?: LookupFunction
}

/** The answer is larger than allowed. */
class TooLarge extends Error {}

/**
 * Sends requests and sorts what can go wrong on the way.
 *
 * A request with a body is at-most-once: its body is a generator that undici starts only on an open connection, just
 * before the headers are written together with the first chunk. While it has not been started, no byte can have left,
 * whatever the error says: UNSENT. From its first chunk on every failure is UNKNOWN. Each such request has a
 * connection of its own (`pipelining: 0`): a kept-alive one may be closed by the other side just as it is used, and
 * the outcome would be unknown for nothing.
 *
 * No redirects, no retries, no decompression here: undici's interceptors for these are not composed in.
 */
export function createTransport({ connectTimeoutMs, lookup }: TransportOptions): Transport {
  const connect = { timeout: connectTimeoutMs, ...(lookup ? { lookup } : {}) } as Agent.Options['connect']
  // Time limits are kept here, not by undici: its timers have a resolution of a second and know no total.
  const common: Agent.Options = {
    connect,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 32_768,
  }
  const once = new Agent({ ...common, pipelining: 0 })
  const kept = new Agent(common)

  return {
    send: async (request, options) => {
      const sending = createSending(request, options)
      const watch = createWatch(options)
      try {
        const response = await (request.body ? dispatch() : watch.during(dispatch()))
        return receive(response, watch, options.maxBytes)
      } catch (error) {
        if (sending.refusal) throw sending.refusal.error
        throw sortFailure(error, watch.signal, sending.hasStarted)
      }

      function dispatch() {
        return sendRequest(request.url, {
          method: request.method,
          headers: sending.headers,
          body: sending.body as Dispatcher.DispatchOptions['body'],
          dispatcher: request.body ? once : kept,
          signal: watch.signal,
        })
      }
    },
    close: async () => {
      await Promise.all([once.destroy(), kept.destroy()])
    },
  }
}

/** Ends one request when nothing comes for too long; the call it belongs to may go on. */
interface Watch {
  readonly signal: AbortSignal
  during<R>(wait: Promise<R>): Promise<R>
  cut(): void
}

function createWatch({ deadline, idleTimeoutMs }: SendOptions): Watch {
  const idle = new AbortController()
  return {
    signal: AbortSignal.any([deadline.signal, idle.signal]),
    during: async (wait) => {
      const timer = setTimeout(() => idle.abort(new WentIdle()), idleTimeoutMs)
      return wait.finally(() => clearTimeout(timer))
    },
    cut: () => idle.abort(new WentIdle()),
  }
}

interface Sending {
  headers: Record<string, string>
  body: AsyncIterable<Uint8Array> | undefined
  hasStarted: boolean
  /** The error that `onSend` threw; nothing was sent. */
  refusal: { error: unknown } | null
}

function createSending({ headers, body }: HttpRequest, { onSend, deadline }: SendOptions): Sending {
  const sending: Sending = {
    headers: { 'accept-encoding': 'identity', 'user-agent': 'easel', ...headers },
    body: undefined,
    // Without a body it is unknown whether bytes left, so the request counts as sent.
    hasStarted: body === null,
    refusal: null,
  }
  if (!body) return sending
  sending.headers['content-type'] = body.contentType
  sending.headers['content-length'] = String(body.byteLength)
  sending.body = produce(body, sending, { onSend, deadline })
  return sending
}

async function* produce(
  body: RequestBody,
  sending: Sending,
  { onSend, deadline }: Pick<SendOptions, 'onSend' | 'deadline'>,
) {
  try {
    await onSend?.()
  } catch (error) {
    sending.refusal = { error }
    throw error
  }
  deadline.signal.throwIfAborted()
  sending.hasStarted = true
  for await (const chunk of body.open()) {
    yield chunk
    if (chunk.length >= socketBufferBytes) releasePiece(chunk)
  }
}

/** After a chunk that fills the socket's buffer undici goes on only when all of it has left ("drain"). */
const socketBufferBytes = getDefaultHighWaterMark(false)

/** Signed addresses have thousands of characters; a part of one would be another address. */
const maxLocationChars = 8192

const keptHeaders =
  /^(content-type|content-encoding|x-request-id|x-server-trace-id|retry-after|retry-after-ms|openai-processing-ms|openai-version|x-ratelimit-[a-z-]{1,40})$/

function receive(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  watch: Watch,
  maxBytes: number,
): HttpReply {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string' && keptHeaders.test(name)) kept[name] = value.slice(0, 512)
  }
  const { location } = headers
  const isRedirect = statusCode >= 300 && statusCode < 400
  if (isRedirect && typeof location === 'string' && location.length <= maxLocationChars)
    kept.location = location
  return { status: statusCode, headers: kept, body: readBody(body, watch, maxBytes), cut: () => watch.cut() }
}

/** The body within its limits of size and time. What the reader takes for itself does not count as idle. */
async function* readBody(
  body: AsyncIterable<Uint8Array>,
  watch: Watch,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]()
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await watch.during(chunks.next())
      if (done) return
      bytes += value.length
      if (bytes > maxBytes) throw new TooLarge()
      yield value
    }
  } catch (error) {
    throw sortFailure(error, watch.signal, true)
  } finally {
    await chunks.return?.()
  }
}

function sortFailure(error: unknown, signal: AbortSignal, isSent: boolean): ProviderFailure {
  if (error instanceof ProviderFailure) return error
  if (error instanceof TooLarge) {
    return new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_RESPONSE_TOO_LARGE' })
  }
  const certainty = isSent ? 'UNKNOWN' : 'UNSENT'
  if (signal.aborted) return new ProviderFailure({ certainty, ...describeAbort(signal.reason) })
  const reason = isSent ? 'UPSTREAM_OUTCOME_UNKNOWN' : 'UPSTREAM_UNAVAILABLE'
  return new ProviderFailure({ certainty, reason, cause: withoutData(error), upstreamCode: codeOf(error) })
}

/** undici's parser hangs the bytes it could not read on its error; causes are logged, and bytes may hold a prompt. */
function withoutData(error: unknown): unknown {
  return error instanceof Error && 'data' in error ? new Error(error.message) : error
}

/** The system's or undici's own code, e.g. ECONNREFUSED or UND_ERR_CONNECT_TIMEOUT. */
function codeOf(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return typeof code === 'string' ? code : null
}
