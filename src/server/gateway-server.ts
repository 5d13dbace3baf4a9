import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { GraphQLSchema } from 'graphql'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Viewer } from '../accounts/viewer.ts'
import { EaselError } from '../errors.ts'
import type { RateState } from '../rate-counter.ts'
import type { ContextBase } from '../schema/context.ts'
import { describeError } from './error-description.ts'
import { createGraphQLEndpoint } from './graphql/graphql-endpoint.ts'
import type { TrustedDocuments } from './graphql/trusted-documents.ts'
import { createAddressRate } from './http/address-rate.ts'
import { createAddressRefusal, type RefusedRequest } from './http/address-refusal.ts'
import { remember } from './http/brief-memory.ts'
import { createTrustedProxies, rateKeyOf } from './http/client-address.ts'
import { createCrossOriginAccess } from './http/cross-origin-access.ts'
import { createCrossSiteGuard } from './http/cross-site-guard.ts'
import { type Exchange, openFetchExchange } from './http/exchange.ts'
import { failureResponse } from './http/http-failure.ts'
import { createHttpMetrics } from './http/http-metrics.ts'
import {
  type AuthenticatedRoute,
  createHttpRoutes,
  healthPath,
  type MetricsAccess,
} from './http/http-routes.ts'
import { createNodeServer } from './http/node-server.ts'
import { rateHeaders } from './http/rate-headers.ts'
import { createReadiness, type ReadinessChecks } from './http/readiness.ts'
import { logRequest } from './http/request-log.ts'
import { addSecurityHeaders } from './http/security-headers.ts'
import type { ServerLimits } from './server-limits.ts'
import { createStreamRegistry } from './stream/stream-registry.ts'
import type { StageUpload } from './upload/multipart-request.ts'

export interface GatewayServerOptions {
  schema: GraphQLSchema
  /** Throws `UNAUTHENTICATED`. Sees headers only, so it runs before the body is read. */
  authenticate(headers: Headers): Promise<Viewer>
  /** Counts what the viewer asks for against its rates. Throws RATE_LIMITED. */
  admitViewer(viewer: Viewer, asked: { requests: number }): RateState | null
  /** Proxies that say truly where a request comes from: addresses and ranges. This machine's always do. */
  trustedProxies?: readonly string[] | undefined
  /** False lets every local request in without a key; requests of foreign pages and host names are refused instead. */
  authenticationRequired: boolean
  onRevoked?: ((viewer: Viewer, end: () => void) => () => void) | undefined
  createContext(base: ContextBase): object
  stage: StageUpload
  serveImage(request: Request): Promise<Response>
  serveConsole?: ((request: Request) => Promise<Response | null>) | undefined
  routes?: readonly AuthenticatedRoute[] | undefined
  /** The checks of what this process needs to work, by the names that operators read. */
  readiness: ReadinessChecks
  /** Who reads `/metrics` without an administrator's key. */
  metricsAccess: MetricsAccess
  graphiql: boolean
  introspection: boolean
  trustedDocuments?: TrustedDocuments | null | undefined
  limits: ServerLimits
  publicUrl?: string | null | undefined
  allowedOrigins?: readonly string[] | undefined
  log: Logger
  metrics?: Registry | null | undefined
  now?: (() => number) | undefined
  newId: () => string
  newToken?: (() => string) | undefined
  random?: (() => number) | undefined
}

export interface GatewayServer {
  /** Answers in-process. `serverContext.req` is where the body is read from, if there is one. */
  fetch(request: Request, serverContext?: { req?: IncomingMessage }): Promise<Response>
  readonly server: Server
  /** `/readyz` fails for `drainDelayMs` while requests are still served. Resolves when that time is over. */
  announceDrain(): Promise<void>
  /** Accepts no new connections, tells subscribers to reconnect, and resolves when every request has its answer. */
  drain(): Promise<void>
}

/** How long an answer of `/readyz` and `/metrics` holds. */
const memoryMs = 1_000

/** The HTTP edge: everything between a socket and a resolver. */
export function createGatewayServer(options: GatewayServerOptions): GatewayServer {
  const { log, newId, limits, now = Date.now, random = Math.random, newToken = randomUUID } = options
  const { publicUrl = null, allowedOrigins = [], routes = [], trustedProxies = [] } = options
  const isHttps = publicUrl?.startsWith('https:') ?? false
  const metrics = createHttpMetrics(options.metrics ?? null)
  const crossOrigin = createCrossOriginAccess(allowedOrigins)
  const addresses = createAddressRate(limits.addressRequestsPerMinute, now)
  const proxies = createTrustedProxies(trustedProxies)
  let announced: Promise<void> | undefined
  const isDraining = () => announced !== undefined

  const streams = createStreamRegistry({
    limits,
    newToken,
    random,
    onRevoked: options.onRevoked,
    onSize: metrics.setOpenStreams,
  })
  const graphql = createGraphQLEndpoint({
    ...options,
    streams,
    limits,
    onUploadBytes: metrics.addUploadBytes,
  })
  const route = createHttpRoutes({
    ...options,
    graphql,
    streams,
    crossOrigin,
    routes,
    isDraining,
    findMissing: remember(createReadiness(options.readiness, limits.readyTimeoutMs), { forMs: memoryMs }),
    printMetrics: remember(metrics.print, { forMs: memoryMs }),
    checkCrossSite: createCrossSiteGuard({ ...options, publicUrl, allowedOrigins }),
  })

  /** Never rejects: an error becomes an answer as well. */
  async function answer(exchange: Exchange): Promise<Response> {
    const { request, requestId } = exchange
    const response = await admit(exchange).catch((error: unknown) => {
      const accept = request.headers.get('accept') ?? ''
      return failureResponse(expected(error, requestId), requestId, accept)
    })
    // Responses made by `fetch` or `Response.redirect` have headers that cannot be changed.
    const headers = new Headers(response.headers)
    headers.set('x-request-id', requestId)
    addSecurityHeaders(headers, { isHttps })
    for (const [name, value] of rateHeaders(exchange.rate)) headers.set(name, value)
    crossOrigin.addHeaders(request, headers)
    return new Response(response.body, { status: response.status, headers })
  }

  /** Whoever asks for too much, or guesses keys, costs next to nothing. */
  async function admit(exchange: Exchange): Promise<Response> {
    if (exchange.address === null || !options.authenticationRequired) return route(exchange)
    if (exchange.url.pathname === healthPath) return route(exchange)
    const key = rateKeyOf(exchange.address)
    exchange.rate = addresses.admit(key)
    return route(exchange).catch((error: unknown) => {
      if (isWrongKey(error)) addresses.noteWrongKey(key)
      throw error
    })
  }

  function expected(error: unknown, requestId: string): EaselError {
    if (error instanceof EaselError) return error
    log.error({ requestId, error: describeError(error) }, 'unexpected error')
    return new EaselError('INTERNAL_SERVER_ERROR', 'Something went wrong in Easel')
  }

  function finish(exchange: Exchange, status: number): void {
    const ms = now() - exchange.startedAt
    metrics.finish(exchange, status, ms / 1000)
    logRequest(log, exchange, { status, ms })
  }

  const refuseAddress = createAddressRefusal({ limits, crossOrigin, isHttps, newId })

  /** A flood fills no log: the first refusal of a minute is told. */
  async function refuse(refused: RefusedRequest): Promise<void> {
    const address = rateKeyOf(refused.address)
    if (addresses.noteRefusal(address)) log.warn({ address }, 'this address sends too many requests')
    await refuseAddress(refused)
    metrics.finish({ route: 'unknown', method: refused.incoming.method ?? 'GET' }, 429, 0)
  }

  const node = createNodeServer({
    limits,
    publicUrl,
    clientOf: proxies.clientOf,
    usedUp: (address) => (options.authenticationRequired ? addresses.usedUp(rateKeyOf(address)) : null),
    refuse,
    answer,
    finish,
    isDraining,
    expected,
    clock: { now, newId },
  })

  async function fetch(request: Request, { req }: { req?: IncomingMessage } = {}): Promise<Response> {
    const exchange = openFetchExchange(request, req ?? null, { now, newId })
    const response = await answer(exchange)
    finish(exchange, response.status)
    return response
  }

  function announceDrain(): Promise<void> {
    announced ??= new Promise((resolve) => setTimeout(resolve, limits.drainDelayMs))
    return announced
  }

  async function drain(): Promise<void> {
    streams.drain()
    await node.close(limits.drainTimeoutMs)
  }

  let drained: Promise<void> | undefined
  return {
    fetch,
    server: node.server,
    announceDrain,
    drain: () => {
      drained ??= announceDrain().then(drain)
      return drained
    },
  }
}

/** To come without any key is no guess. */
function isWrongKey(error: unknown): boolean {
  if (!(error instanceof EaselError)) return false
  return error.code === 'UNAUTHENTICATED' && error.details.reason !== 'CREDENTIALS_MISSING'
}
