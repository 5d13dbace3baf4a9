import type { ReadContext } from '../../exchanges/exchange.ts'
import { readRefusal, readUnreadable, sniffBody } from '../../exchanges/reply-body.ts'
import { ProviderFailure } from '../../failure.ts'
import type { ReplyEvent } from '../../reply.ts'
import {
  EventStreamReader,
  EventStreamTooLarge,
  type StreamEvent,
} from '../../transport/event-stream-reader.ts'
import { ImageSlot } from '../../transport/image-slot.ts'
import { isRecord } from '../../transport/is-record.ts'
import {
  JsonReader,
  type JsonReaderOptions,
  JsonTooLarge,
  MalformedJson,
  TruncatedJson,
} from '../../transport/json-reader.ts'
import type { HttpReply } from '../../transport/transport.ts'
import { ReplyResults } from './reply-results.ts'

/**
 * Reads a reply of the Images API: JSON or events, whichever came. It stops as soon as everything asked for is there,
 * for some servers keep the connection open with heartbeats (tee-gateway#122).
 */
export async function* readOpenAiReply<T>(
  reply: HttpReply,
  context: ReadContext<T>,
): AsyncGenerator<ReplyEvent<T>> {
  if (reply.status < 200 || reply.status > 299) throw await readRefusal(reply, context)
  const { form, chunks } = await sniffBody(reply)
  if (form === 'other') throw await readUnreadable(chunks, reply, context)
  try {
    if (form === 'events') yield* readEvents(chunks, context)
    else yield* readDocument(chunks, context)
  } catch (error) {
    throw sortReadError(error)
  }
}

function sortReadError(error: unknown): unknown {
  if (error instanceof JsonTooLarge || error instanceof EventStreamTooLarge) {
    return new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_RESPONSE_TOO_LARGE', cause: error })
  }
  // undici takes a reset as the end of a reply without a length, so an incomplete reply was cut off.
  if (error instanceof TruncatedJson) {
    return new ProviderFailure({ certainty: 'UNKNOWN', reason: 'UPSTREAM_OUTCOME_UNKNOWN', cause: error })
  }
  if (error instanceof MalformedJson) {
    return new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESPONSE', cause: error })
  }
  return error
}

async function* readDocument<T>(
  chunks: AsyncIterable<Uint8Array>,
  context: ReadContext<T>,
): AsyncGenerator<ReplyEvent<T>> {
  const results = new ReplyResults(context)
  let opened = 0
  const reader = new JsonReader<T>({
    ...readerOptions(context),
    openImage: ({ index }) => results.openFinal(Math.max(index ?? 0, opened++)),
  })
  try {
    let value: unknown
    try {
      value = await readFirstDocument(reader, chunks)
    } catch (error) {
      yield* results.salvage(reader.slots)
      throw error
    }
    yield* concludeDocument(value, results)
  } finally {
    await reader.discard(new Error('The reply is not whole'))
  }
}

async function readFirstDocument<T>(
  reader: JsonReader<T>,
  chunks: AsyncIterable<Uint8Array>,
): Promise<unknown> {
  for await (const chunk of chunks) {
    await reader.write(chunk)
    if (reader.documents.length > 0) return reader.documents[0]
  }
  return reader.end()[0]
}

async function* concludeDocument<T>(value: unknown, results: ReplyResults<T>): AsyncGenerator<ReplyEvent<T>> {
  const body = Array.isArray(value) ? { data: value } : value
  if (!isRecord(body)) throw new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESPONSE' })
  const items = itemsOf(body) ?? (hasImage(body) ? [body] : null)
  const isError = body.error || (!items && ('detail' in body || 'message' in body))
  if (isError && !items?.some(hasImage)) throw results.sortError(body)
  results.learn(body)
  for (const item of items ?? []) yield* results.takeFinal(item)
  yield* results.conclude()
}

function itemsOf(body: Record<string, unknown>): Record<string, unknown>[] | null {
  return Array.isArray(body.data) ? body.data.map((item) => (isRecord(item) ? item : {})) : null
}

async function* readEvents<T>(
  chunks: AsyncIterable<Uint8Array>,
  context: ReadContext<T>,
): AsyncGenerator<ReplyEvent<T>> {
  const results = new ReplyResults(context)
  let name: string | null = null
  const stream: EventStreamReader<T> = new EventStreamReader<T>({
    json: {
      ...readerOptions(context),
      openImage: ({ type, index }) =>
        isPartialType(type ?? stream.eventName)
          ? results.openPartial()
          : results.openFinal(results.settled + (index ?? 0)),
    },
    maxEventBytes: context.maxEventBytes,
    maxEvents,
  })
  let isDone = false
  for await (const event of stream.read(chunks)) {
    name = event.name
    try {
      yield* takeEvent(event, results)
    } finally {
      await event.reader.discard(new Error('The event is over'))
    }
    isDone = event.isDone
    if (isDone || results.isComplete) break
  }
  if (isDone) return yield* results.conclude()
  const cut = new ProviderFailure({
    certainty: 'UNKNOWN',
    reason: 'UPSTREAM_OUTCOME_UNKNOWN',
    message: "The provider's stream ended before its image was complete.",
    upstreamCode: name,
  })
  // A partial image is never taken for the result.
  if (results.settled === 0) throw cut
  yield* results.conclude(cut)
}

/** Three partial images and one result for each of ten images, and room for many other events. */
const maxEvents = 10_000

async function* takeEvent<T>(event: StreamEvent<T>, results: ReplyResults<T>): AsyncGenerator<ReplyEvent<T>> {
  if (event.isDone) return
  if (!event.values) {
    if (event.isCut && isFinalType(event.name)) yield* results.salvage(event.reader.slots)
    return
  }
  for (const value of event.values) yield* takeValue(value, event.name, results)
}

async function* takeValue<T>(
  body: unknown,
  name: string | null,
  results: ReplyResults<T>,
): AsyncGenerator<ReplyEvent<T>> {
  if (!isRecord(body)) return
  const type = typeof body.type === 'string' ? body.type : name
  const isError = body.error || type === 'error' || name === 'error' || body.object === 'error'
  if (isError) throw results.sortError(body)
  const items = itemsOf(body) ?? [body]
  const isPartial = isPartialType(type) || (!isFinalType(type) && 'partial_image_index' in body)
  if (isPartial) return yield* results.takePartial(body)
  const withImage = items.filter(hasImage)
  if (withImage.length === 0 && !isFinalType(type)) return
  results.learn(body)
  // A final event without an image counts as the failure of one image.
  for (const item of withImage.length > 0 ? withImage : [body]) yield* results.takeFinal({ ...body, ...item })
}

function hasImage({ b64_json: b64, url }: Record<string, unknown>): boolean {
  return [b64, url].some((value) =>
    value instanceof ImageSlot ? !value.isEmpty : typeof value === 'string' && value !== '',
  )
}

function isPartialType(type: string | null): boolean {
  return type?.endsWith('partial_image') ?? false
}

function isFinalType(type: string | null): boolean {
  return type?.endsWith('.completed') ?? false
}

function readerOptions<T>({
  maxTextBytes,
  recorder,
}: ReadContext<T>): Omit<JsonReaderOptions<T>, 'openImage'> {
  return { imageKeys: ['b64_json'], addressKeys: ['url'], maxTextBytes, recorder }
}
