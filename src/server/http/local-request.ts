import { EaselError } from '../../errors.ts'
import { isLoopback, isLoopbackAuthority } from '../../loopback.ts'
import type { Exchange } from './exchange.ts'

/**
 * A request that a program on this machine sent by itself. Authentication that is off holds for these alone, and they
 * alone read `/metrics` without a key.
 *
 * The address of the sender does not suffice. A proxy on this machine makes the whole world look local, and a page can
 * point a name of its own at 127.0.0.1 (DNS rebinding). So a request counts as a stranger's when it shows any sign of
 * either. A proxy that shows none cannot be told from a local program: that is why `config` refuses `off` as soon as
 * something says that others shall come in.
 */
export function isLocalRequest(exchange: Exchange): boolean {
  return findForeignSign(exchange) === null
}

export function checkLocalRequest(exchange: Exchange): void {
  const sign = findForeignSign(exchange)
  if (sign === null) return
  throw new EaselError(
    'FORBIDDEN',
    `Authentication is off, so Easel answers to this machine alone, and ${sign}: start it with EASEL_AUTH=on and EASEL_ADMIN_KEY to let others in`,
    { reason: 'REQUEST_NOT_LOCAL', hint: 'SET_EASEL_AUTH_ON' },
  )
}

/** Headers in which proxies and content networks name the original client; those with `x-forwarded-` count too. */
const forwardingHeaders = new Set([
  'forwarded',
  'via',
  'cdn-loop',
  'client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'fastly-client-ip',
  'fly-client-ip',
  'x-azure-clientip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-external-address',
  'x-original-forwarded-for',
  'x-original-host',
  'x-real-ip',
])

function findForeignSign({ incoming, request: { headers }, url }: Exchange): string | null {
  for (const name of headers.keys()) {
    if (name.startsWith('x-forwarded-') || forwardingHeaders.has(name))
      return `the header ${name} is a proxy's`
  }
  const host = headers.get('host') ?? (incoming ? '' : url.host)
  if (!isLoopbackAuthority(host)) return 'the header host does not name it'
  // A call within the process has no socket.
  if (!incoming) return null
  if (!isLoopback(incoming.socket.remoteAddress ?? '')) return 'the request comes from another one'
  // nginx uses HTTP/1.0 towards its upstreams and by default adds no header; today's programs do not use it.
  return incoming.httpVersion === '1.0' ? 'HTTP/1.0 is what proxies speak' : null
}
