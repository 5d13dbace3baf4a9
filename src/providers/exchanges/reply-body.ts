import { ProviderFailure } from '../failure.ts'
import type { UpstreamAnswer } from '../failures/error-body.ts'
import type { Sorter } from '../failures/http-failure.ts'
import { dropStart, prepend, readBeginning } from '../transport/byte-stream.ts'
import { inflate } from '../transport/inflated-body.ts'
import type { HttpReply } from '../transport/transport.ts'

export type BodyForm = 'json' | 'events' | 'other'

const maxErrorBytes = 64 * 1024
/** Enough to tell `event:` or `retry:` from anything else. */
const sniffLength = 8

/**
 * The kind of a body: by its content type, then by its first bytes, which win. Servers answer a stream with JSON
 * (openrouter-rs#226), and JSON and streams under any type. Leading white space is dropped.
 */
export async function sniffBody(
  reply: HttpReply,
): Promise<{ form: BodyForm; chunks: AsyncIterable<Uint8Array> }> {
  const chunks = inflateReply(reply)[Symbol.asyncIterator]()
  let pieces: Uint8Array[] = []
  let head = Buffer.alloc(0)
  while (head.length < sniffLength) {
    const { done, value } = await chunks.next()
    if (done) break
    const joined = Buffer.concat([head, value])
    head = trimStart(joined)
    // The chunks go on as they came: a recorder tells them by their memory.
    pieces = dropStart([...pieces, value], joined.length - head.length)
  }
  const form = formOf(head, reply.headers['content-type'] ?? '')
  return { form, chunks: prepend(pieces, chunks) }
}

function formOf(head: Buffer, contentType: string): BodyForm {
  const start = head.toString('latin1', 0, sniffLength)
  if (/^(event|data|id|retry) ?:|^:/.test(start)) return 'events'
  if (/^[[{"]|^null$/.test(start)) return 'json'
  if (/^text\/event-stream\b/i.test(contentType) && start !== '' && !start.startsWith('<')) return 'events'
  return 'other'
}

/** White space and a byte order mark mean nothing at the start of JSON or of a stream. */
function trimStart(bytes: Buffer): Buffer<ArrayBuffer> {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  while (at < bytes.length && [0x20, 0x09, 0x0a, 0x0d].includes(bytes[at] as number)) at += 1
  return bytes.subarray(at) as Buffer<ArrayBuffer>
}

/** No encoding was asked for, but an image that is paid for is not lost over it. Stacked encodings are refused. */
function inflateReply({ headers, body }: HttpReply): AsyncIterable<Uint8Array> {
  const inflated = inflate(body, headers['content-encoding'])
  if (inflated) return inflated
  throw new ProviderFailure({
    certainty: 'FAILED',
    reason: 'UPSTREAM_INVALID_RESPONSE',
    upstreamCode: 'ENCODING',
  })
}

/** Reads an answer without an image and sorts its failure. A body that breaks off is sorted like a complete one. */
export async function readRefusal(reply: HttpReply, { sort }: Sorter): Promise<ProviderFailure> {
  return sort({ ...reply, ...(await readAnswer(reply)) })
}

/** The beginning of an answer that holds no image, as JSON or as text. */
export async function readAnswer({ body }: HttpReply): Promise<Pick<UpstreamAnswer, 'json' | 'text'>> {
  return parseAnswer(await readErrorText(body))
}

async function readErrorText(body: AsyncIterable<Uint8Array>): Promise<string> {
  // The body broke off, so only its status counts.
  const bytes = await readBeginning(body, maxErrorBytes).catch(() => Buffer.alloc(0))
  return new TextDecoder().decode(bytes.subarray(0, maxErrorBytes))
}

function parseAnswer(text: string): Pick<UpstreamAnswer, 'json' | 'text'> {
  try {
    return { json: JSON.parse(text), text: '' }
  } catch {
    return { json: undefined, text }
  }
}

/** A successful status over a body that is neither JSON nor a stream of events. */
export async function readUnreadable(
  chunks: AsyncIterable<Uint8Array>,
  reply: HttpReply,
  { sort }: Sorter,
): Promise<ProviderFailure> {
  const text = await readErrorText(chunks)
  const sorted = sort({ ...reply, json: undefined, text })
  if (sorted.reason === 'CONTENT_REFUSED') return sorted
  return new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESPONSE' })
}
