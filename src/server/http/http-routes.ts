import type { Viewer } from '../../accounts/viewer.ts'
import { EaselError } from '../../errors.ts'
import type { RateState } from '../../rate-counter.ts'
import type { GraphQLEndpoint } from '../graphql/graphql-endpoint.ts'
import { handleEventStream } from '../stream/event-stream-endpoint.ts'
import type { StreamRegistry } from '../stream/stream-registry.ts'
import type { CrossOriginAccess } from './cross-origin-access.ts'
import type { Exchange } from './exchange.ts'
import { openGraphiQLPage } from './graphiql-page.ts'
import { methodNotAllowed } from './http-failure.ts'
import type { HttpMetrics } from './http-metrics.ts'
import { checkLocalRequest, isLocalRequest } from './local-request.ts'

/**
 * Whether the process lives. It costs less than its refusal, so no rate counts it: whoever watches the process from the address of
 * a flood must not find it dead.
 */
export const healthPath = '/healthz'

/** A further route behind authentication, e.g. a CSV of the usage. */
export interface AuthenticatedRoute {
  method: string
  path: string
  /** What a request counts against the rate of its sender. */
  points: number
  handle(request: Request, viewer: Viewer): Promise<Response>
}

/**
 * Who reads `/metrics` beside administrators: nobody, what seems to be a program of this machine, or everybody. A proxy on
 * this machine that adds no header makes everybody look like one.
 */
export type MetricsAccess = 'admins' | 'machine' | 'everybody'

export interface HttpRoutesOptions {
  graphql: GraphQLEndpoint
  streams: StreamRegistry
  printMetrics: HttpMetrics['print']
  metricsAccess: MetricsAccess
  crossOrigin: CrossOriginAccess
  checkCrossSite(request: Request, url: URL): void
  authenticate(headers: Headers): Promise<Viewer>
  admitViewer(viewer: Viewer, asked: { requests: number }): RateState | null
  serveImage(request: Request): Promise<Response>
  serveConsole?: ((request: Request) => Promise<Response | null>) | undefined
  routes: readonly AuthenticatedRoute[]
  graphiql: boolean
  authenticationRequired: boolean
  /** The names of the parts that this process needs and that do not work now. */
  findMissing(): Promise<string[]>
  isDraining(): boolean
}

/** Returns the response of an exchange, or throws the client's error. */
export function createHttpRoutes(options: HttpRoutesOptions): (exchange: Exchange) => Promise<Response> {
  const further = new Map(options.routes.map((route) => [route.path, route]))

  /** Authenticates before a byte of the body is read. */
  async function admit(exchange: Exchange, requests = 1): Promise<Viewer> {
    options.checkCrossSite(exchange.request, exchange.url)
    const viewer = await options.authenticate(exchange.request.headers)
    exchange.viewer = viewer
    exchange.rate = options.admitViewer(viewer, { requests }) ?? exchange.rate
    return viewer
  }

  async function answerGraphQL(exchange: Exchange): Promise<Response> {
    if (options.graphiql && isPageVisit(exchange)) return openGraphiQLPage(options)
    if (!['GET', 'POST'].includes(exchange.method)) throw methodNotAllowed(exchange.method, 'GET, POST')
    return options.graphql.handle(exchange, await admit(exchange), null)
  }

  async function answerStream(exchange: Exchange): Promise<Response> {
    const viewer = await admit(exchange)
    const execute = options.graphql.handle.bind(null, exchange, viewer)
    return handleEventStream(exchange, viewer, { streams: options.streams, execute })
  }

  async function answerReady(): Promise<Response> {
    if (options.isDraining()) return plain('draining', 503)
    const missing = await options.findMissing()
    return missing.length === 0 ? plain('ready') : plain(`not ready: ${missing.join(', ')}`, 503)
  }

  async function checkMetricsAccess(exchange: Exchange): Promise<void> {
    const { metricsAccess } = options
    if (metricsAccess === 'everybody' || (metricsAccess === 'machine' && isLocalRequest(exchange))) return
    const { role } = await admit(exchange)
    if (role !== 'ADMIN') throw new EaselError('FORBIDDEN', 'Metrics are for administrators')
  }

  async function answerMetrics(exchange: Exchange): Promise<Response> {
    await checkMetricsAccess(exchange)
    const printed = await options.printMetrics()
    if (!printed) throw notFound()
    return new Response(printed.text, { headers: { 'content-type': printed.contentType } })
  }

  async function answerFurther(exchange: Exchange, route: AuthenticatedRoute): Promise<Response> {
    if (!allows(route.method, exchange.method)) throw methodNotAllowed(exchange.method, route.method)
    return route.handle(exchange.request, await admit(exchange, route.points))
  }

  async function answerConsole(exchange: Exchange): Promise<Response> {
    const page = allows('GET', exchange.method) ? await options.serveConsole?.(exchange.request) : null
    if (!page) throw notFound()
    exchange.route = 'console'
    return page
  }

  const fixed: Record<string, (exchange: Exchange) => Promise<Response>> = {
    '/graphql': answerGraphQL,
    '/graphql/stream': answerStream,
    [healthPath]: async () => plain('ok'),
    '/readyz': answerReady,
    '/metrics': answerMetrics,
  }

  return async (exchange) => {
    const preflight = options.crossOrigin.preflight(exchange.request)
    if (preflight) return preflight
    const { pathname } = exchange.url
    if (!options.authenticationRequired && !isForEverybody(pathname)) checkLocalRequest(exchange)
    const route = further.get(pathname)
    const answer = Object.hasOwn(fixed, pathname) ? fixed[pathname] : undefined
    if (answer || route) exchange.route = pathname
    if (answer) return answer(exchange)
    if (route) return answerFurther(exchange, route)
    if (!pathname.startsWith('/images/')) return answerConsole(exchange)
    exchange.route = '/images/*'
    return options.serveImage(exchange.request)
  }
}

function isPageVisit({ method, url, request }: Exchange): boolean {
  const accept = request.headers.get('accept') ?? ''
  return method === 'GET' && accept.includes('text/html') && !url.searchParams.has('query')
}

/** These need no key: health holds no user's data, and the address of an image is signed. */
function isForEverybody(pathname: string): boolean {
  return pathname === healthPath || pathname === '/readyz' || pathname.startsWith('/images/')
}

function allows(method: string, asked: string): boolean {
  return asked === method || (method === 'GET' && asked === 'HEAD')
}

function plain(text: string, status = 200): Response {
  return new Response(`${text}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })
}

function notFound(): EaselError {
  return new EaselError('NOT_FOUND', 'There is nothing at this address', { reason: 'ROUTE_NOT_FOUND' })
}
