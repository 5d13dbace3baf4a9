import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import type { Viewer } from '../../accounts/viewer.ts'
import { EaselError } from '../../errors.ts'
import type { RateState } from '../../rate-counter.ts'
import type { ReasonOf } from '../../reasons/reasons.ts'

/** One HTTP request until its response, with what is found out about it on the way. */
export interface Exchange {
  /** Has no body when `incoming` is there: the body is read from Node's own stream. */
  readonly request: Request
  readonly incoming: IncomingMessage | null
  readonly url: URL
  readonly method: string
  readonly requestId: string
  readonly startedAt: number
  /** Where it comes from; null for a call within the process. */
  readonly address: string | null
  /** Aborted when the client went away before it had its answer. */
  readonly signal: AbortSignal
  /** The pattern of the matched route, for logs and metrics. */
  route: string
  viewer: Viewer | null
  /** The rate that was counted last, which the answer tells. */
  rate: RateState | null
  operationName: string | null
  operationKind: string | null
  /** True once the body is to be read; a client that sent `Expect: 100-continue` waits for that. */
  bodyWanted: boolean
  openBody(): Readable
}

const requestIdPattern = /^[A-Za-z0-9_.:-]{1,128}$/
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])

interface ExchangeClock {
  now(): number
  newId(): string
}

/** The client's own id, where it is one that can be printed anywhere. */
export function requestIdOf(given: unknown, newId: () => string): string {
  return typeof given === 'string' && requestIdPattern.test(given) ? given : newId()
}

export function openNodeExchange(
  node: { incoming: IncomingMessage; outgoing: ServerResponse; address: string },
  base: string,
  clock: ExchangeClock,
): Exchange {
  const { incoming, outgoing, address } = node
  const headers = readHeaders(incoming)
  // HTTP/0.9 has no headers, so its answers could not be read as ours.
  if (incoming.httpVersionMajor < 1) throw badRequest('HTTP_VERSION_UNKNOWN', 'Send HTTP/1.1')
  const method = incoming.method ?? 'GET'
  if (!methods.has(method)) throw badRequest('METHOD_NOT_ALLOWED', 'This HTTP method is not known here')
  const url = targetOf(incoming.url ?? '/', base)
  const left = new AbortController()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) left.abort(new DOMException('The client left', 'AbortError'))
  })
  return {
    ...blankExchange({ request: new Request(url, { method, headers, signal: left.signal }), url }, clock),
    incoming,
    address,
    signal: left.signal,
    openBody() {
      this.bodyWanted = true
      if (incoming.headers.expect) outgoing.writeContinue()
      return incoming
    },
  }
}

export function openFetchExchange(
  request: Request,
  incoming: IncomingMessage | null,
  clock: ExchangeClock,
): Exchange {
  const url = new URL(request.url)
  return {
    ...blankExchange({ request, url }, clock),
    incoming,
    address: null,
    signal: request.signal,
    openBody() {
      this.bodyWanted = true
      if (incoming) return incoming
      // The DOM's and Node's declarations of the same ReadableStream do not know each other.
      return request.body ? Readable.fromWeb(request.body as NodeReadableStream) : Readable.from([])
    },
  }
}

function blankExchange({ request, url }: { request: Request; url: URL }, { now, newId }: ExchangeClock) {
  return {
    request,
    url,
    method: request.method,
    requestId: requestIdOf(request.headers.get('x-request-id'), newId),
    startedAt: now(),
    route: 'unknown',
    viewer: null,
    rate: null,
    operationName: null,
    operationKind: null,
    bodyWanted: false,
  }
}

const dotSegment = /^[^?#]*[/\\](\.|%2e){1,2}(?=[/\\?#]|$)/i

/** Only a path of this server: an absolute or protocol-relative target would put a foreign host into `request.url`. */
function targetOf(target: string, base: string): URL {
  if (!target.startsWith('/') || target.startsWith('//')) {
    throw badRequest('REQUEST_TARGET_INVALID', 'The request target must be a path of this server')
  }
  // URL would take them away, and one image would have many addresses.
  if (dotSegment.test(target)) {
    throw badRequest('REQUEST_TARGET_INVALID', 'The request target must have no "." or ".." in its path')
  }
  return new URL(base + target)
}

/**
 * `__proto__` is a valid header name that Node drops silently. No honest client sends it, nor two hosts: proxies differ in
 * which of them they go by (RFC 9112, 3.2).
 */
function readHeaders({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const isSecondHost = name.toLowerCase() === 'host' && headers.has('host')
    if (isSecondHost || name.toLowerCase() === '__proto__')
      throw badRequest('HEADER_INVALID', 'A header name is not allowed')
    headers.append(name, rawHeaders[i + 1] ?? '')
  }
  return headers
}

function badRequest(reason: ReasonOf<'BAD_USER_INPUT'>, message: string): EaselError {
  return new EaselError('BAD_USER_INPUT', message, { reason })
}
