import { EaselError } from '../../errors.ts'

/**
 * Keeps foreign web pages from spending a visitor's money.
 *
 * A browser tells where a request comes from by `Sec-Fetch-Site`, older ones by `Origin`; programs such as curl send
 * neither. A request that no foreign page sent needs nothing extra. One that a foreign page sent is let through only if
 *  - its origin is in `allowedOrigins`, and it is a request that a browser preflights: it carries an `Authorization`
 *    or `x-api-key` header, one of `preflightHeaders`, or a content type other than the three simple ones; or
 *  - authentication is on and it carries credentials of its own. A page can only do that with our CORS approval,
 *    so such a request comes from a program.
 *
 * A page that points a name of its own at 127.0.0.1 (DNS rebinding) is "same origin" here: `local-request.ts` keeps it
 * out where authentication is off.
 */
export interface CrossSiteGuardOptions {
  authenticationRequired: boolean
  allowedOrigins: readonly string[]
  publicUrl: string | null
}

export const preflightHeaders = [
  'graphql-require-preflight',
  'apollo-require-preflight',
  'x-graphql-yoga-csrf',
]
const simpleContentTypes = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']

export function createCrossSiteGuard(options: CrossSiteGuardOptions): (request: Request, url: URL) => void {
  const publicUrl = options.publicUrl ? new URL(options.publicUrl) : null
  const allowed = new Set(options.allowedOrigins)

  return (request, url) => {
    const host = request.headers.get('host') ?? url.host
    const origin = request.headers.get('origin')
    if (!isForeign(request.headers, origin, publicUrl ? [host, publicUrl.host] : [host])) return
    if (origin && allowed.has(origin) && isPreflighted(request)) return
    if (options.authenticationRequired && hasCredentials(request.headers)) return
    throw new EaselError('FORBIDDEN', 'A page of another site may not send this request', {
      reason: 'CROSS_SITE_REQUEST',
      hint: allowed.has(origin ?? '') ? `SEND_HEADER ${preflightHeaders[0]}` : 'ADD_ALLOWED_ORIGIN',
    })
  }
}

function isForeign(headers: Headers, origin: string | null, ownHosts: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site')
  if (site) return site !== 'same-origin' && site !== 'none'
  if (origin === null) return false
  // `Origin: null` comes from sandboxed frames and local files: a foreign page too.
  const host = URL.parse(origin)?.host
  return host === undefined || !ownHosts.includes(host)
}

function isPreflighted({ headers }: Request): boolean {
  if (hasCredentials(headers) || preflightHeaders.some((name) => headers.has(name))) return true
  const contentType = headers.get('content-type')?.toLowerCase()
  return contentType !== undefined && !simpleContentTypes.some((simple) => contentType.startsWith(simple))
}

function hasCredentials(headers: Headers): boolean {
  return headers.has('authorization') || headers.has('x-api-key')
}
