import { preflightHeaders } from './cross-site-guard.ts'

const allowedHeaders = [
  'authorization',
  'content-type',
  'idempotency-key',
  'x-api-key',
  'x-graphql-event-stream-token',
  'x-request-id',
  ...preflightHeaders,
].join(', ')

export interface CrossOriginAccess {
  /** The answer to a preflight of an allowed origin, else null. */
  preflight(request: Request): Response | null
  addHeaders(request: Request, headers: Headers): void
}

/** CORS for the origins that the operator named. Credentials travel in headers, so cookies are never allowed. */
export function createCrossOriginAccess(allowedOrigins: readonly string[]): CrossOriginAccess {
  const allowed = new Set(allowedOrigins)
  const originOf = ({ headers }: Request) => {
    const origin = headers.get('origin')
    return origin && allowed.has(origin) ? origin : null
  }
  return {
    preflight(request) {
      if (request.method !== 'OPTIONS' || !request.headers.has('access-control-request-method')) return null
      if (!originOf(request)) return null
      const headers = {
        'access-control-allow-methods': 'GET, POST, PUT, DELETE',
        'access-control-allow-headers': allowedHeaders,
        'access-control-max-age': '600',
      }
      return new Response(null, { status: 204, headers })
    },
    addHeaders(request, headers) {
      const origin = originOf(request)
      if (!origin || headers.has('access-control-allow-origin')) return
      headers.set('access-control-allow-origin', origin)
      headers.set('access-control-expose-headers', 'ratelimit, ratelimit-policy, retry-after, x-request-id')
      headers.append('vary', 'origin')
    },
  }
}
