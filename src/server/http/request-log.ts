import type { Logger } from 'pino'
import type { Exchange } from './exchange.ts'

/** One line for each request. Never its body, its query string (image signatures live there), or a key. */
export function logRequest(log: Logger, exchange: Exchange, outcome: { status: number; ms: number }): void {
  const { requestId, method, route, url, viewer, operationName, operationKind, signal } = exchange
  const { status, ms } = outcome
  log[status >= 500 ? 'warn' : 'info'](
    {
      requestId,
      method,
      path: route === '/images/*' ? route : url.pathname.slice(0, 200),
      status,
      ms: Math.round(ms),
      ...(viewer ? { viewer: viewer.userId } : {}),
      ...(operationKind ? { operation: operationKind, operationName } : {}),
      ...(signal.aborted ? { clientLeft: true } : {}),
    },
    'request',
  )
}
