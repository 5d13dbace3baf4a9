import { ProviderFailure } from '../failure.ts'
import { checkDownloadUrl, ForbiddenAddress } from '../transport/address-guard.ts'
import { type Deadline, sleep } from '../transport/deadline.ts'
import type { ImageSink } from '../transport/image-sink.ts'
import type { HttpReply, Transport } from '../transport/transport.ts'

export interface DownloadOptions<T> {
  /** As the upstream gave it: absolute, or relative to its own base address. */
  address: string
  baseUrl: URL
  /** The credentials, sent to the provider's own origin only. */
  authorization: Record<string, string>
  /** Reaches the provider itself, wherever it is. */
  ownTransport: Transport
  /** Reaches public addresses only. */
  guardedTransport: Transport
  deadline: Deadline
  idleTimeoutMs: number
  maxBytes: number
  /** The pause before the second try; it doubles before the third. */
  pauseMs: number
  open(): ImageSink<T>
}

const maxTries = 3

/**
 * Fetches a result from the address an upstream gave. Such an address is not trusted: it must be https on a public
 * host, or on the provider's own origin. Unlike the generation, the download may be repeated.
 */
export async function downloadImage<T>(options: DownloadOptions<T>): Promise<T> {
  const url = resolve(options)
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchOnce(url, options)
    } catch (error) {
      const isLast = attempt === maxTries || isForbidden(error)
      if (!(error instanceof ProviderFailure)) throw error
      if (options.deadline.signal.aborted)
        throw new ProviderFailure({ certainty: 'UNKNOWN', reason: error.reason, cause: error })
      if (error.reason === 'UPSTREAM_RESPONSE_TOO_LARGE') throw error
      if (isLast) throw unreachable(error)
      // The next try throws if the signal has aborted.
      await sleep(options.pauseMs * attempt, options.deadline.signal).catch(() => {})
    }
  }
}

function resolve({ address, baseUrl }: { address: string; baseUrl: URL }): URL {
  if (address.length > 8192 || !URL.canParse(address, baseUrl)) throw unreachable(null)
  const url = new URL(address, baseUrl)
  if (url.origin === baseUrl.origin && url.username === '' && url.password === '') return url
  try {
    checkDownloadUrl(url)
  } catch (error) {
    throw unreachable(error)
  }
  return url
}

async function fetchOnce<T>(url: URL, options: DownloadOptions<T>): Promise<T> {
  const { baseUrl, authorization, ownTransport, guardedTransport, deadline, idleTimeoutMs, maxBytes, open } =
    options
  const isOwn = url.origin === baseUrl.origin
  const headers = { accept: 'image/*', ...(isOwn ? authorization : {}) }
  const transport = isOwn ? ownTransport : guardedTransport
  const reply = await transport.send(
    { method: 'GET', url, headers, body: null },
    { deadline, idleTimeoutMs, maxBytes },
  )
  if (reply.status !== 200) {
    await drop(reply)
    throw unreachable(null, String(reply.status))
  }
  return pour(reply, open())
}

async function pour<T>(reply: HttpReply, sink: ImageSink<T>): Promise<T> {
  let bytes = 0
  try {
    for await (const chunk of reply.body) {
      bytes += chunk.length
      await sink.write(chunk)
    }
    if (bytes === 0) throw unreachable(null)
  } catch (error) {
    await sink.abort(error)
    throw error
  }
  return sink.end()
}

async function drop({ body }: HttpReply): Promise<void> {
  for await (const _ of body) break
}

function isForbidden(error: unknown): boolean {
  return error instanceof ProviderFailure && error.cause instanceof ForbiddenAddress
}

/** The failure of a download. The image was made, so the generation is never repeated. */
function unreachable(cause: unknown, upstreamCode: string | null = null): ProviderFailure {
  return new ProviderFailure({
    certainty: 'FAILED',
    reason: 'UPSTREAM_RESULT_UNREACHABLE',
    cause,
    upstreamCode,
  })
}
