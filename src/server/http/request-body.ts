import type { Readable } from 'node:stream'
import { EaselError } from '../../errors.ts'
import type { Exchange } from './exchange.ts'
import { type JsonLimits, parseJson } from './json-limits.ts'
import { type RateLimits, watchRate } from './rate-watch.ts'

/** Refuses a body by its headers (length, compression) before a byte of it is read. */
export function checkBodyHeaders(headers: Headers, maxBytes: number): void {
  const encoding = headers.get('content-encoding')?.toLowerCase()
  if (encoding && encoding !== 'identity') {
    throw new EaselError('BAD_USER_INPUT', 'Compressed request bodies are not accepted', {
      reason: 'UNSUPPORTED_MEDIA_TYPE',
      hint: 'SEND_UNCOMPRESSED',
    })
  }
  const length = Number(headers.get('content-length') ?? 0)
  if (length > maxBytes) throw bodyTooLarge(maxBytes, length)
}

export async function readJson(
  exchange: Exchange,
  maxBytes: number,
  limits: RateLimits & JsonLimits,
): Promise<unknown> {
  checkBodyHeaders(exchange.request.headers, maxBytes)
  const { signal } = exchange
  const bytes = await readBytes(exchange.openBody(), { maxBytes, signal, limits }).catch((cause: unknown) => {
    throw hasLeft(exchange) ? bodyCutOff(cause) : cause
  })
  return parseJson({ text: decode(bytes), limits, malformed: notJson })
}

/** Node notices on the stream that is read or on the answer, whichever comes first. */
function hasLeft({ incoming, signal }: Exchange): boolean {
  return signal.aborted || (incoming?.destroyed === true && !incoming.complete)
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw notJson(cause)
  }
}

function notJson(cause: unknown): EaselError {
  const details = { reason: 'JSON_MALFORMED' } as const
  return new EaselError('BAD_USER_INPUT', 'The request body is not valid JSON in UTF-8', details, { cause })
}

async function readBytes(
  body: Readable,
  { maxBytes, signal, limits }: { maxBytes: number; signal: AbortSignal; limits: RateLimits },
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  let tooSlow: ((error: EaselError) => void) | undefined
  const slow = new Promise<never>((_, reject) => {
    tooSlow = reject
  })
  const watch = watchRate({ limits, onTooSlow: () => tooSlow?.(bodyTooSlow()) })
  // The stream must outlive the reading: destroying it would cut the socket before the answer is out.
  const iterator = body.iterator({ destroyOnReturn: false })
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), slow])
      signal.throwIfAborted()
      if (done) return Buffer.concat(chunks)
      total += value.length
      watch.add(value.length)
      if (total > maxBytes) throw bodyTooLarge(maxBytes)
      chunks.push(value)
    }
  } finally {
    watch.stop()
    slow.catch(() => {})
    // Takes its listeners off, so that the rest of a refused body can be swallowed; not awaited, it may still wait for a chunk.
    iterator.return?.().catch(() => {})
  }
}

export function bodyTooLarge(allowed: number, actual?: number): EaselError {
  return new EaselError('PAYLOAD_TOO_LARGE', `The request body is larger than ${allowed} bytes`, {
    reason: 'BODY_TOO_LARGE',
    allowed,
    actual,
  })
}

function bodyCutOff(cause: unknown): EaselError {
  const details = { reason: 'UPLOAD_TRUNCATED' } as const
  return new EaselError('BAD_USER_INPUT', 'The request ended before its body did', details, { cause })
}

export function bodyTooSlow(): EaselError {
  return new EaselError('BAD_USER_INPUT', 'The request body arrived too slowly', { reason: 'BODY_TOO_SLOW' })
}
