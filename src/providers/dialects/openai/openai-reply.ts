import type { ReadContext } from '../../exchanges/exchange.ts'
import { readRefusal, readUnreadable, sniffBody } from '../../exchanges/reply-body.ts'
import { ProviderFailure } from '../../failure.ts'
import type { ReplyEvent } from '../../reply.ts'
import {
  EventStreamReader,
  EventStreamTooLarge,
  type StreamEvent,
} from '../../transport/event-stream-reader.ts'
import { isRecord } from '../../transport/is-record.ts'
import {
  JsonReader,
  type JsonReaderOptions,
  JsonTooLarge,
  MalformedJson,
  TruncatedJson,
} from '../../transport/json-reader.ts'
import type { HttpReply } from '../../transport/transport.ts'
import { hasImage, listItems, textMembers } from './reply-items.ts'
import { ReplyResults } from './reply-results.ts'

/** Reads a reply of the Images API: JSON or events, whichever came. */
export async function* readOpenAiReply<T>(
  reply: HttpReply,
  context: ReadContext<T>,
): AsyncGenerator<ReplyEvent<T>> {
  if (reply.status < 200 || reply.status > 299) throw await readRefusal(reply, context)
  const { form, chunks } = await sniffBody(reply)
  if (form === 'other' && isImage(reply)) return yield* readImage(chunks, context)
  if (form === 'other') throw await readUnreadable(chunks, reply, context)
  try {
    if (form === 'events') yield* readEvents({ ...reply, body: chunks }, context)
    else yield* readDocument(chunks, context)
  } catch (error) {
    throw sortReadError(error)
  }
}

function isImage({ headers }: HttpReply): boolean {
  return /^image\//i.test(headers['content-type'] ?? '')
}

/** A reply that is the image itself. */
async function* readImage<T>(
  chunks: AsyncIterable<Uint8Array>,
  context: ReadContext<T>,
): AsyncGenerator<ReplyEvent<T>> {
  const results = new ReplyResults(context)
  const sink = context.openSink({ index: 0, partial: false })
  try {
    for await (const chunk of chunks) await sink.write(chunk)
  } catch (error) {
    await sink.abort(error)
    throw error
  }
  yield* results.takeImage(await sink.end())
  yield* results.conclude()
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
  const items = listItems(body)
  const isError = body.error || (!items && ('detail' in body || 'message' in body))
  if (isError && !items?.some(hasImage)) throw results.sortError(body)
  results.learn(body)
  for (const item of items ?? []) yield* results.takeFinal(item)
  yield* results.conclude()
}

async function* readEvents<T>(reply: HttpReply, context: ReadContext<T>): AsyncGenerator<ReplyEvent<T>> {
  const results = new ReplyResults(context)
  const last = { name: null as string | null }
  try {
    yield* readResults(reply, { context, results, last })
  } catch (error) {
    // Everything is there, so how the stream ends says nothing any more.
    if (!results.isEnding || !isUpstreams(error)) throw error
  }
  if (results.isTold) return yield* results.conclude()
  const cut = new ProviderFailure({
    certainty: 'UNKNOWN',
    reason: 'UPSTREAM_OUTCOME_UNKNOWN',
    message: "The provider's stream ended before its image was complete.",
    upstreamCode: last.name,
  })
  // A partial image is never taken for the result.
  if (results.settled === 0) throw cut
  yield* results.conclude(cut)
}

interface StreamReading<T> {
  context: ReadContext<T>
  results: ReplyResults<T>
  /** The last event that came. */
  last: { name: string | null }
}

/**
 * The usage may come with the last image or in a summary after it (Ark), so the stream is read on, but not for long:
 * some servers keep the connection open with heartbeats (tee-gateway#122).
 */
async function* readResults<T>(
  { body, cut }: HttpReply,
  { context, results, last }: StreamReading<T>,
): AsyncGenerator<ReplyEvent<T>> {
  let wait: NodeJS.Timeout | null = null
  try {
    for await (const event of createReader(context, results).read(body)) {
      last.name = event.name
      yield* takeEvent(event, results)
      if (event.isDone || (results.isComplete && results.hasUsage)) return
      if (results.isEnding) wait ??= setTimeout(() => cut?.(), context.usageWaitMs)
    }
  } finally {
    if (wait) clearTimeout(wait)
  }
}

function createReader<T>(context: ReadContext<T>, results: ReplyResults<T>): EventStreamReader<T> {
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
  return stream
}

function isUpstreams(error: unknown): boolean {
  return (
    error instanceof ProviderFailure || error instanceof EventStreamTooLarge || error instanceof JsonTooLarge
  )
}

/** Three partial images and one result for each of ten images, and room for many other events. */
const maxEvents = 10_000

async function* takeEvent<T>(event: StreamEvent<T>, results: ReplyResults<T>): AsyncGenerator<ReplyEvent<T>> {
  if (event.isDone) return results.tell()
  try {
    if (event.isCut && isFinalType(event.name)) yield* results.salvage(event.reader.slots)
    for (const value of event.values ?? []) yield* takeValue(value, event.name, results)
  } finally {
    await event.reader.discard(new Error('The event is over'))
  }
}

async function* takeValue<T>(
  body: unknown,
  name: string | null,
  results: ReplyResults<T>,
): AsyncGenerator<ReplyEvent<T>> {
  if (!isRecord(body)) return
  const type = typeof body.type === 'string' ? body.type : name
  if (results.isComplete) return results.learnUsage(body)
  if (isFailureOfOne(body, type)) return yield* results.takeFailure(body)
  const isError = body.error || type === 'error' || name === 'error' || body.object === 'error'
  if (isError) throw results.sortError(body)
  const isPartial = isPartialType(type) || (!isFinalType(type) && 'partial_image_index' in body)
  yield* isPartial ? results.takePartial(body) : takeItems(body, type, results)
}

async function* takeItems<T>(
  body: Record<string, unknown>,
  type: string | null,
  results: ReplyResults<T>,
): AsyncGenerator<ReplyEvent<T>> {
  const withImage = (listItems(body) ?? [body]).filter(hasImage)
  if (withImage.length === 0 && !isFinalType(type)) return
  // A summary of images that came one by one (Ark), of which there may be fewer than were asked for.
  if (results.settled > 0 && !('b64_json' in body || 'url' in body || withImage.length > 0)) {
    results.learnUsage(body)
    return results.tell()
  }
  results.learn(body)
  // A final event without an image counts as the failure of one image.
  for (const item of withImage.length > 0 ? withImage : [body]) yield* results.takeFinal({ ...body, ...item })
}

/** Ark goes on after an image that failed; an error that names its place is the same in other words. */
function isFailureOfOne(body: Record<string, unknown>, type: string | null): boolean {
  if (type?.endsWith('partial_failed')) return true
  const { error } = body
  return isRecord(error) && [body.image_index, error.image_index].some((index) => typeof index === 'number')
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
  return { imageKeys: ['b64_json'], addressKeys: textMembers, maxTextBytes, recorder }
}
