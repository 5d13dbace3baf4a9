import { ProviderFailure } from '../failure.ts'
import { ForbiddenAddress, findResultReach } from '../transport/address-guard.ts'
import { type Deadline, sleep } from '../transport/deadline.ts'
import type { ImageSink } from '../transport/image-sink.ts'
import { inflate } from '../transport/inflated-body.ts'
import type { HttpReply, Transport } from '../transport/transport.ts'

export interface DownloadOptions<T> {
  /** As the upstream gave it: absolute, or relative to its own base address. */
  address: string
  baseUrl: URL
  /** Further hosts that results may come from. */
  resultHosts: readonly string[]
  /** The credentials, sent to the provider's own origin only, and not by a redirect. */
  authorization: Record<string, string>
  /** Reaches the provider itself and the hosts that the operator named, wherever they are. */
  ownTransport: Transport
  /** Reaches public addresses only. */
  guardedTransport: Transport
  deadline: Deadline
  idleTimeoutMs: number
  maxBytes: number
  /** The pause before the second try; it doubles before the third. */
  pauseMs: number
  open(): ImageSink<T>
  /** Told of an address that may not be asked. */
  onForbidden(refusal: ForbiddenAddress): void
}

const maxTries = 3
const maxRedirects = 3

/**
 * Fetches a result from the address an upstream gave. Such an address is not trusted, nor is one that it redirects to:
 * each must be https on a public host, on the provider's own origin, or on a host that the operator named. Unlike the
 * generation, the download may be repeated.
 */
export async function downloadImage<T>(options: DownloadOptions<T>): Promise<T> {
  const url = resolve(options)
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchOnce(url, options)
    } catch (error) {
      const refusal = findRefusal(error)
      if (refusal) {
        options.onForbidden(refusal)
        throw unreachable(refusal)
      }
      if (!(error instanceof ProviderFailure)) throw error
      if (options.deadline.signal.aborted)
        throw new ProviderFailure({ certainty: 'UNKNOWN', reason: error.reason, cause: error })
      if (error.reason === 'UPSTREAM_RESPONSE_TOO_LARGE') throw error
      if (attempt === maxTries) throw conclude(error)
      // The next try throws if the signal has aborted.
      await sleep(options.pauseMs * attempt, options.deadline.signal).catch(() => {})
    }
  }
}

function resolve({ address, baseUrl }: { address: string; baseUrl: URL }): URL {
  if (address.length > 8192 || !URL.canParse(address, baseUrl)) throw unreachable(null)
  return new URL(address, baseUrl)
}

async function fetchOnce<T>(start: URL, options: DownloadOptions<T>): Promise<T> {
  let url = start
  for (let redirects = 0; ; redirects++) {
    const reply = await ask(url, options, redirects === 0)
    const next = findRedirect(reply, url)
    if (!next) return await receive(reply, options)
    await drop(reply)
    if (redirects === maxRedirects)
      throw new ForbiddenAddress('FEW_REDIRECTS', next.host, 'The address of a result redirects too often')
    url = next
  }
}

/** Asks one address. Throws a ForbiddenAddress for one that may not be asked. */
async function ask<T>(url: URL, options: DownloadOptions<T>, isFirst: boolean): Promise<HttpReply> {
  const { authorization, ownTransport, guardedTransport, deadline, idleTimeoutMs, maxBytes } = options
  const reach = findResultReach(url, options)
  const headers = { accept: 'image/*', ...(reach === 'own' && isFirst ? authorization : {}) }
  const transport = reach === 'public' ? guardedTransport : ownTransport
  return transport.send({ method: 'GET', url, headers, body: null }, { deadline, idleTimeoutMs, maxBytes })
}

const redirectStatuses = [301, 302, 303, 307, 308]

function findRedirect({ status, headers: { location } }: HttpReply, url: URL): URL | null {
  return redirectStatuses.includes(status) && location !== undefined ? URL.parse(location, url.href) : null
}

async function receive<T>(reply: HttpReply, { open }: DownloadOptions<T>): Promise<T> {
  if (reply.status === 200) return pour(reply, open())
  await drop(reply)
  throw unreachable(null, String(reply.status))
}

async function pour<T>({ body, headers }: HttpReply, sink: ImageSink<T>): Promise<T> {
  let bytes = 0
  try {
    // Storages keep encodings that say nothing of the bytes, such as S3's aws-chunked: the image shows whether it is one.
    for await (const chunk of inflate(body, headers['content-encoding']) ?? body) {
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

function findRefusal(error: unknown): ForbiddenAddress | null {
  if (error instanceof ForbiddenAddress) return error
  // The guard of names throws in the transport.
  return error instanceof ProviderFailure && error.cause instanceof ForbiddenAddress ? error.cause : null
}

/** The end of all tries: bytes that cannot be inflated came, though they are no image. */
function conclude(error: ProviderFailure): ProviderFailure {
  if (error.reason !== 'UPSTREAM_INVALID_RESPONSE') return unreachable(error)
  return new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESULT', cause: error })
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
