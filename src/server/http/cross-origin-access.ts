import { preflightHeaders } from './cross-site-guard.ts'

/** The headers that Easel reads. */
const ownHeaders = [
  'authorization',
  'content-type',
  'idempotency-key',
  'x-api-key',
  'x-graphql-event-stream-token',
  'x-request-id',
  ...preflightHeaders,
]

/** A page with every tracer and client that there is asks for a dozen. */
const maxAskedHeaders = 64
const maxNameChars = 128
/** RFC 9110's token, but for the asterisk: alone it would stand for every header. */
const headerName = /^[\w!#$%&'+.^`|~-]+$/

export interface CrossOriginAccess {
  /** The answer to a preflight of an allowed origin, else null. */
  preflight(request: Request): Response | null
  addHeaders(request: Request, headers: Headers): void
  /** The headers for a page of this origin. */
  headersFor(origin: string | undefined): [name: string, value: string][]
}

/**
 * CORS for the origins that the operator named. Credentials travel in headers, so cookies are never allowed. Pages of
 * such an origin may send the headers that they ask for: tracers and clients add their own, and the origin is the guard.
 */
export function createCrossOriginAccess(allowedOrigins: readonly string[]): CrossOriginAccess {
  const allowed = new Set(allowedOrigins)
  const originOf = ({ headers }: Request) => {
    const origin = headers.get('origin')
    return origin && allowed.has(origin) ? origin : null
  }
  const headersFor = (origin: string): [string, string][] => [
    ['access-control-allow-origin', origin],
    ['access-control-expose-headers', 'ratelimit, ratelimit-policy, retry-after, x-request-id'],
    ['vary', 'origin'],
  ]
  return {
    preflight(request) {
      if (request.method !== 'OPTIONS' || !request.headers.has('access-control-request-method')) return null
      if (!originOf(request)) return null
      const headers = {
        'access-control-allow-methods': 'GET, POST, PUT, DELETE',
        'access-control-allow-headers': listAllowedHeaders(request.headers),
        'access-control-max-age': '600',
        vary: 'access-control-request-headers',
      }
      return new Response(null, { status: 204, headers })
    },
    addHeaders(request, headers) {
      const origin = originOf(request)
      if (!origin || headers.has('access-control-allow-origin')) return
      for (const [name, value] of headersFor(origin)) headers.append(name, value)
    },
    headersFor: (origin) => (origin !== undefined && allowed.has(origin) ? headersFor(origin) : []),
  }
}

function listAllowedHeaders(headers: Headers): string {
  const asked = (headers.get('access-control-request-headers') ?? '')
    .toLowerCase()
    .split(',', maxAskedHeaders)
  const names = asked.map((name) => name.trim())
  const wellFormed = names.filter((name) => name.length <= maxNameChars && headerName.test(name))
  return [...new Set([...ownHeaders, ...wellFormed])].join(', ')
}
