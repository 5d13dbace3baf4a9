import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { DetailError } from './detail-error.ts'
import { type Exchange, sendJson } from './exchange.ts'
import { fluxShape } from './flux.ts'
import { createJobs } from './jobs.ts'
import { sendKeptFile } from './kept-file-route.ts'
import { findModel, sandboxModels } from './models.ts'
import { serveImages } from './openai-images.ts'
import type { Studio } from './studio.ts'
import { WireError } from './wire-error.ts'
import { artShape } from './yandex-art.ts'
import { serveYandexImages } from './yandex-images.ts'
import { StatusError, statusCodes } from './yandex-status.ts'

/** Whose shape a refusal takes. */
export type Dialect = 'openai' | 'yandex' | 'flux'

export interface Route {
  dialect: Dialect
  method: string
  pattern: RegExp
  /** Whether it asks for the key. */
  isOpen?: boolean
  serve(exchange: Exchange, parameter: string): Promise<void> | void
}

export interface RoutesOptions {
  apiKey?: string
  pendingPolls?: number
}

export interface Routes {
  dialectOf(path: string): Dialect
  /** Serves a request or throws its refusal. */
  serve(exchange: Exchange): Promise<void>
}

export function createRoutes(studio: Studio, { apiKey, pendingPolls = 1 }: RoutesOptions): Routes {
  const routes = listRoutes(studio, pendingPolls)
  const dialectOf = (path: string) => routes.find(({ pattern }) => pattern.test(path))?.dialect ?? 'openai'
  return {
    dialectOf,
    async serve(exchange) {
      const { path, request } = exchange
      const matching = routes.filter(({ pattern }) => pattern.test(path))
      const method = request.method === 'HEAD' ? 'GET' : request.method
      const route = matching.find((each) => each.method === method)
      if (!route) throw refuseRoute(exchange, matching.length > 0)
      if (apiKey !== undefined && !route.isOpen) checkKey(route.dialect, request.headers, apiKey)
      await route.serve(exchange, route.pattern.exec(path)?.[1] ?? '')
    },
  }
}

function listRoutes(studio: Studio, pendingPolls: number): Route[] {
  const art = createJobs(studio, artShape, { pendingPolls })
  const flux = createJobs(studio, fluxShape, { pendingPolls })
  const images = (path: string, kind: 'generation' | 'edit' | 'variation'): Route => ({
    dialect: 'openai',
    method: 'POST',
    pattern: new RegExp(`^/v1/images/${path}$`),
    serve: (exchange) => serveImages(studio, exchange, kind),
  })
  return [
    { dialect: 'openai', method: 'GET', pattern: /^\/$/, isOpen: true, serve: describeSandbox },
    images('generations', 'generation'),
    images('edits', 'edit'),
    images('variations', 'variation'),
    { dialect: 'openai', method: 'GET', pattern: /^\/v1\/models$/, serve: sendModels },
    { dialect: 'openai', method: 'GET', pattern: /^\/v1\/models\/([^/]+)$/, serve: sendModel },
    {
      dialect: 'openai',
      method: 'GET',
      pattern: /^\/files\/([\w-]+\.(?:png|jpeg))$/,
      isOpen: true,
      serve: (exchange, name) => sendKeptFile(studio, exchange, name),
    },
    {
      dialect: 'yandex',
      method: 'POST',
      pattern: /^\/foundationModels\/v1\/imageGenerationAsync$/,
      serve: art.submit,
    },
    { dialect: 'yandex', method: 'GET', pattern: /^\/operations\/([\w-]+)$/, serve: art.poll },
    { dialect: 'flux', method: 'POST', pattern: /^\/v1\/(flux-[\w.-]+)$/, serve: flux.submit },
    {
      dialect: 'flux',
      method: 'GET',
      pattern: /^\/v1\/get_result$/,
      serve: (exchange) => flux.poll(exchange, readQuery(exchange, 'id')),
    },
    {
      dialect: 'openai',
      method: 'POST',
      pattern: /^\/yandex\/v1\/images\/generations$/,
      serve: (exchange) => serveYandexImages(studio, exchange),
    },
  ]
}

function describeSandbox(exchange: Exchange): void {
  const models = sandboxModels.map(({ id }) => id)
  sendJson(exchange, { name: 'Easel sandbox', note: 'not a real image model', models })
}

function describeModel(id: string) {
  return { id, object: 'model', created: 1_700_000_000, owned_by: 'easel-sandbox' }
}

function sendModels(exchange: Exchange): void {
  sendJson(exchange, { object: 'list', data: sandboxModels.map(({ id }) => describeModel(id)) })
}

function sendModel(exchange: Exchange, id: string): void {
  if (!findModel(id)) {
    throw new WireError('model_not_found', `The model '${id}' does not exist`, {
      status: 404,
      param: 'model',
    })
  }
  sendJson(exchange, describeModel(id))
}

function refuseRoute({ request, path }: Exchange, isKnown: boolean): WireError {
  const method = request.method ?? ''
  if (isKnown) return new WireError(null, `Not allowed to ${method} on ${path}.`, { status: 405 })
  return new WireError(null, `Invalid URL (${method} ${path.slice(0, 200)})`, { status: 404 })
}

function readQuery({ request }: Exchange, name: string): string {
  return new URL(request.url ?? '/', 'http://sandbox').searchParams.get(name) ?? ''
}

/** Yandex takes an API key or an IAM token, which the sandbox does not tell apart; FLUX has a header of its own. */
function checkKey(dialect: Dialect, headers: IncomingHttpHeaders, apiKey: string): void {
  const match = /^(Bearer|Api-Key) +(\S+)$/i.exec(headers.authorization ?? '')
  const isScheme = dialect === 'yandex' || match?.[1]?.toLowerCase() === 'bearer'
  const own = headers['x-key']
  const given = dialect === 'flux' && typeof own === 'string' ? own : isScheme ? match?.[2] : undefined
  if (given && isEqual(given, apiKey)) return
  if (dialect === 'flux') throw new DetailError(403, 'Not authenticated')
  if (dialect === 'yandex') {
    throw new StatusError(statusCodes.UNAUTHENTICATED, 'Token is invalid or has expired.')
  }
  if (!match) throw new WireError(null, "You didn't provide an API key.", { status: 401 })
  throw new WireError('invalid_api_key', 'Incorrect API key provided.', { status: 401 })
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
