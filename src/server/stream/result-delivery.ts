import type { ExecutionResult } from 'graphql'
import { EaselError } from '../../errors.ts'
import type { GraphQLCall } from '../graphql/graphql-call.ts'
import {
  isStream,
  presentAsStream,
  presentError,
  type ResultScope,
  type Results,
} from '../graphql/graphql-result.ts'
import { failureResponse } from '../http/http-failure.ts'
import { type EventStream, printOnly } from './event-stream.ts'
import type { StreamRegistry } from './stream-registry.ts'

interface DeliveryOptions {
  call: GraphQLCall
  results: Results
  scope: ResultScope
  streams: StreamRegistry
}

const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Tells nginx not to buffer events.
  'x-accel-buffering': 'no',
}

/** The response, or null when a plain JSON answer is wanted. */
export function deliverResults(options: DeliveryOptions): Response | null {
  const { call, results, scope } = options
  if (call.shared) return deliverShared(options)
  const accept = call.exchange.request.headers.get('accept') ?? '*/*'
  if (acceptsEventStream(accept, isStream(results))) return deliverStream(options)
  if (!isStream(results)) return null
  stop(results, call)
  const error = new EaselError('BAD_USER_INPUT', 'A subscription is answered as text/event-stream', {
    reason: 'NOT_ACCEPTABLE',
    allowed: ['text/event-stream'],
    hint: 'ACCEPT_EVENT_STREAM',
  })
  return failureResponse(error, scope.requestId, accept)
}

export function openEventStream({ body }: EventStream): Response {
  return new Response(body, { headers: eventStreamHeaders })
}

/** A single result goes out as JSON where the client takes JSON too: clients send one `Accept` for everything. */
function acceptsEventStream(accept: string, streams: boolean): boolean {
  if (streams) return /text\/event-stream|text\/\*|\*\/\*/i.test(accept)
  return /text\/event-stream/i.test(accept) && !/json|application\/\*|\*\/\*/i.test(accept)
}

function deliverStream(options: DeliveryOptions): Response {
  const { call, results, scope, streams } = options
  try {
    const stream = streams.open(call.viewer)
    stream.add({ id: null, results: presentAsStream(results, scope), abort: call.abort, inline: call.inline })
    return openEventStream(stream)
  } catch (error) {
    // Too many streams. The protocol sends a refusal as a result, on a stream that is not registered.
    if (isStream(results)) stop(results, call)
    return new Response(printOnly(presentError(error, scope)), { headers: eventStreamHeaders })
  }
}

function deliverShared(options: DeliveryOptions): Response {
  const { call, results, scope } = options
  const { shared, operationId, abort, inline } = call
  if (!shared) throw new Error('There is no shared stream to deliver to')
  // Without an operation id the stream could not name the operation that the result belongs to.
  if (operationId === null) return refusePlainly(results, scope, call)
  shared.starting.delete(operationId)
  if (abort.signal.aborted) {
    if (isStream(results)) stop(results, call)
    return new Response(null, { status: 204 })
  }
  shared.stream.add({ id: operationId, results: presentAsStream(results, scope), abort, inline })
  return new Response(null, { status: 202 })
}

function refusePlainly(results: Results, scope: ResultScope, { exchange }: GraphQLCall): Response | never {
  const [first] = isStream(results) ? [] : (results.errors ?? [])
  const root = first?.originalError
  const error =
    root instanceof EaselError
      ? root
      : new EaselError('BAD_USER_INPUT', first?.message ?? 'The request is not valid')
  return failureResponse(error, scope.requestId, exchange.request.headers.get('accept') ?? '')
}

function stop(results: AsyncIterable<ExecutionResult>, { abort }: GraphQLCall): void {
  abort.abort(new DOMException('Nobody listens to this operation', 'AbortError'))
  results[Symbol.asyncIterator]()
    .return?.()
    .catch(() => {})
}
