import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RateState } from '../../rate-counter.ts'
import type { ServerLimits } from '../server-limits.ts'
import { tooManyRequests } from './address-rate.ts'
import type { CrossOriginAccess } from './cross-origin-access.ts'
import { requestIdOf } from './exchange.ts'
import { failureExtensions, failureHeaders, httpStatusOf } from './http-failure.ts'
import { rateHeaders } from './rate-headers.ts'
import { lingerAfter } from './response-sender.ts'
import { securityHeaders } from './security-headers.ts'

export interface AddressRefusalOptions {
  limits: Pick<ServerLimits, 'lingerBytes' | 'lingerMs'>
  crossOrigin: CrossOriginAccess
  isHttps: boolean
  newId: () => string
}

export interface RefusedRequest {
  incoming: IncomingMessage
  outgoing: ServerResponse
  address: string
  /** The rate that is used up. */
  rate: RateState
  /** Ends the connection after this answer. A flooder's stays: to accept the next one costs more than an answer. */
  close: boolean
}

export type RefuseAddress = (request: RefusedRequest) => Promise<void>

/** Refuses a request of an address that sends too many, before anything is made of it: a flood costs next to nothing. */
export function createAddressRefusal(options: AddressRefusalOptions): RefuseAddress {
  const { limits, crossOrigin, newId } = options
  const always = securityHeaders({ isHttps: options.isHttps, isPage: false })
  return async ({ incoming, outgoing, rate, close }) => {
    const error = tooManyRequests(rate.resetMs)
    const requestId = requestIdOf(incoming.headers['x-request-id'], newId)
    const { message } = error
    const body = JSON.stringify({ errors: [{ message, extensions: failureExtensions(error, requestId) }] })
    const isUnread = !incoming.complete
    outgoing.writeHead(httpStatusOf(error), {
      ...always,
      ...failureHeaders(error),
      ...Object.fromEntries([...rateHeaders(rate), ...crossOrigin.headersFor(incoming.headers.origin)]),
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'x-request-id': requestId,
      ...((close || isUnread) && { connection: 'close' }),
    })
    if (incoming.method !== 'HEAD') outgoing.write(body)
    // Nothing more comes of a client that waits for "100 Continue".
    if (isUnread && incoming.headers.expect === undefined) await lingerAfter(incoming, limits)
    outgoing.end()
  }
}
