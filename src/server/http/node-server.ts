import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { EaselError } from '../../errors.ts'
import type { RateState } from '../../rate-counter.ts'
import type { ServerLimits } from '../server-limits.ts'
import type { RefuseAddress } from './address-refusal.ts'
import { ConnectionDrain } from './connection-drain.ts'
import { type Exchange, openNodeExchange } from './exchange.ts'
import { failureResponse } from './http-failure.ts'
import { healthPath } from './http-routes.ts'
import { sendResponse } from './response-sender.ts'
import { SocketTurns } from './socket-turns.ts'

export interface NodeServerOptions {
  limits: ServerLimits
  publicUrl: string | null
  /** The address that a request comes from. */
  clientOf(incoming: IncomingMessage): string
  /** The rate of an address that may send nothing more now, else null. */
  usedUp(address: string): RateState | null
  refuse: RefuseAddress
  answer(exchange: Exchange): Promise<Response>
  finish(exchange: Exchange, status: number): void
  expected(error: unknown, requestId: string): EaselError
  isDraining(): boolean
  clock: { now(): number; newId(): string }
}

export interface NodeServer {
  readonly server: Server
  /** Accepts no new connections, answers requests on the open ones, and cuts those that are open after the time limit. */
  close(timeoutMs: number): Promise<void>
}

export function createNodeServer(options: NodeServerOptions): NodeServer {
  const { limits, publicUrl, clock } = options
  const base = publicUrl ? new URL(publicUrl).origin : 'http://localhost'
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    // A big upload may take long; `rate-watch.ts` cuts off the ones that only pretend.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    noDelay: true,
  })

  const connections = new ConnectionDrain(server, limits.drainLingerMs)
  const turns = new SocketTurns()

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const address = options.clientOf(incoming)
    const rate = incoming.url === healthPath ? null : options.usedUp(address)
    if (rate) return options.refuse({ incoming, outgoing, address, rate, close: options.isDraining() })
    const exchange = open(incoming, outgoing, address)
    const response = exchange instanceof Response ? exchange : await options.answer(exchange)
    const sent = {
      exchange: exchange instanceof Response ? null : exchange,
      incoming,
      outgoing,
      response,
      limits,
    }
    await sendResponse({ ...sent, close: options.isDraining() })
    if (!(exchange instanceof Response)) options.finish(exchange, response.status)
  }

  function open(incoming: IncomingMessage, outgoing: ServerResponse, address: string): Exchange | Response {
    try {
      return openNodeExchange({ incoming, outgoing, address }, base, clock)
    } catch (error) {
      const requestId = clock.newId()
      return failureResponse(options.expected(error, requestId), requestId)
    }
  }

  const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // Without a listener, the error of a socket that the client reset would end the process.
    incoming.on('error', () => {})
    outgoing.on('error', () => {})
    const { socket } = incoming
    // The rest of what was sent ahead on a connection that was cut meanwhile.
    if (socket.destroyed) return
    connections.begin(socket)
    turns
      .take(socket, () => serve(incoming, outgoing))
      .catch((error) => {
        options.expected(error, 'unknown')
        outgoing.destroy()
      })
      .finally(() => connections.end(socket))
  }
  server.on('request', listener)
  // A client that sent `Expect: 100-continue` gets "100 Continue" only once the body is to be read.
  server.on('checkContinue', listener)
  server.on('clientError', refuseConnection)

  return { server, close: (timeoutMs) => connections.close(timeoutMs) }
}

/** Answers a request that Node could not parse. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status = statusLines[error.code ?? ''] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

const statusLines: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
