import type { Viewer } from '../../accounts/viewer.ts'
import { EaselError } from '../../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { methodNotAllowed } from '../http/http-failure.ts'
import { openEventStream } from './result-delivery.ts'
import type { ReservedStream, StreamRegistry } from './stream-registry.ts'

type Execute = (shared: ReservedStream | null) => Promise<Response>

/**
 * `/graphql/stream` of the GraphQL over SSE protocol.
 *
 * Without a token it is `/graphql` answering with an event stream. With one it is the single connection mode: PUT
 * reserves a stream, GET opens it, POST starts an operation on it, DELETE ends one. A token is worth something only
 * in the hands of the viewer it was given to. graphql-sse's own handler is not used: it queues what a client does not read
 * without bound, and keeps every reservation for ever.
 */
export async function handleEventStream(
  exchange: Exchange,
  viewer: Viewer,
  { streams, execute }: { streams: StreamRegistry; execute: Execute },
): Promise<Response> {
  const { method, url, request } = exchange
  const token = request.headers.get('x-graphql-event-stream-token') ?? url.searchParams.get('token')
  if (method === 'PUT') {
    const { token: reserved } = streams.reserve(viewer)
    return new Response(reserved, { status: 201, headers: { 'content-type': 'text/plain; charset=utf-8' } })
  }
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') {
    throw methodNotAllowed(method, 'GET, POST, PUT, DELETE')
  }
  if (token === null && method !== 'DELETE') return execute(null)
  const shared = token === null ? null : streams.find(token, viewer)
  // graphql-sse's client writes its token into the caller's headers, where it outlives the stream.
  const isDistinct = method === 'POST' && request.headers.get('accept')?.includes('text/event-stream')
  if (!shared && isDistinct) return execute(null)
  if (!shared) throw new EaselError('NOT_FOUND', 'There is no such stream', { reason: 'STREAM_NOT_FOUND' })
  if (method === 'DELETE') return endOperation(shared, url.searchParams.get('operationId'))
  if (method === 'GET' && !namesDocument(url)) return openEventStream(shared.open())
  return execute(shared)
}

/** Whether it is a request for an operation, by its text or by an id that stands for it. */
function namesDocument({ searchParams }: URL): boolean {
  return ['query', 'documentId', 'extensions'].some((name) => searchParams.has(name))
}

function endOperation({ stream, starting }: ReservedStream, id: string | null): Response {
  if (!id) {
    throw new EaselError('BAD_USER_INPUT', 'Name the operation in the parameter operationId', {
      reason: 'OPERATION_ID_MISSING',
    })
  }
  starting.get(id)?.abort(new DOMException('The client ended this operation', 'AbortError'))
  stream.remove(id)
  return new Response(null, { status: 200 })
}
