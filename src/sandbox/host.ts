import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { DetailError } from './detail-error.ts'
import { discardRest, type Exchange, sendJson } from './exchange.ts'
import type { Dialect, Routes } from './routes.ts'
import type { Studio } from './studio.ts'
import { WireError } from './wire-error.ts'
import { bodyOfStatus, StatusError, statusCodes } from './yandex-status.ts'

export interface Host {
  server: Server
  /** Cuts the connections, which breaks off what is being served, and waits until it has let go. */
  close(): Promise<void>
}

export interface HostOptions {
  studio: Studio
  routes: Routes
  onError: (error: unknown) => void
}

/** What a refused client may still send before its connection is cut. */
const maxDiscardedBytes = 64 * 1024 * 1024

export function createHost({ studio, routes, onError }: HostOptions): Host {
  const serving = new Set<Promise<void>>()

  const serve = async (exchange: Exchange) => {
    try {
      await routes.serve(exchange)
    } catch (error) {
      // Whoever has gone needs no reply, and what broke on the way out is no fault of the sandbox.
      const isGone = exchange.signal.aborted || exchange.response.destroyed
      const refusal = isGone ? undefined : toRefusal(error, routes.dialectOf(exchange.path), onError)
      if (refusal && !exchange.response.headersSent) {
        if (exchange.entry) studio.ledger.note(exchange.entry, { status: refusal.status })
        sendRefusal(exchange, refusal)
      } else exchange.response.destroy()
    } finally {
      if (!exchange.request.complete) discardRest(exchange, maxDiscardedBytes)
    }
  }

  const server = createServer((request, response) => {
    const exchange = openExchange({ studio, request, response })
    const served = serve(exchange)
      .catch(onError)
      .then(() => void serving.delete(served))
    serving.add(served)
  })
  server.headersTimeout = 15_000
  server.requestTimeout = 10 * 60_000
  server.keepAliveTimeout = 15_000

  return {
    server,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await Promise.all([closed, ...serving])
    },
  }
}

interface OpenOptions {
  studio: Studio
  request: IncomingMessage
  response: ServerResponse
}

function openExchange({ studio, request, response }: OpenOptions): Exchange {
  const gone = new AbortController()
  const requestId = `req_${studio.newId().replaceAll('-', '')}`
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const exchange: Exchange = { request, response, path, requestId, signal: gone.signal }
  response.setHeader('x-request-id', requestId)
  response.setHeader('openai-version', '2020-10-01')
  response.setHeader('x-easel-sandbox', 'not a real image model')
  // A reset while the body arrives is told by the close of the response.
  request.on('error', () => {})
  response.on('error', () => {})
  response.once('close', () => {
    const isWhole = response.writableFinished
    if (!isWhole) gone.abort(new Error('The client has gone'))
    if (!exchange.entry) return
    const status = response.headersSent ? response.statusCode : null
    studio.ledger.note(exchange.entry, { status, outcome: isWhole ? 'replied' : 'broken' })
  })
  return exchange
}

type Refusal = WireError | StatusError | DetailError

function toRefusal(error: unknown, dialect: Dialect, onError: (error: unknown) => void): Refusal {
  if (error instanceof StatusError || error instanceof DetailError) return error
  // Reading a body and waiting for a slot refuse in OpenAI's words.
  if (error instanceof WireError) return translate[dialect](error)
  onError(error)
  const message = 'The server had an error while processing your request.'
  return translate[dialect](new WireError(null, message, { status: 500, type: 'server_error' }))
}

const translate: Record<Dialect, (error: WireError) => Refusal> = {
  openai: (error) => error,
  yandex: ({ status, message }) => new StatusError(codeOf(status), message),
  flux: ({ status, message }) => new DetailError(status, message),
}

function codeOf(status: number): number {
  if (status === 500) return statusCodes.INTERNAL
  return status > 500 ? statusCodes.UNAVAILABLE : statusCodes.INVALID_ARGUMENT
}

function sendRefusal(exchange: Exchange, refusal: Refusal): void {
  const { status, headers } = refusal
  const body = refusal instanceof StatusError ? bodyOfStatus(refusal, exchange.requestId) : refusal.body
  sendJson(exchange, body, { status, headers })
}
