import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Whom the header `X-Forwarded-For` is believed. */
export interface TrustedProxies {
  /** The address that the request comes from: of its socket, or of the last hop that is no trusted proxy. */
  clientOf(incoming: IncomingMessage): string
}

/** Proxies on this machine are always trusted: whoever else is here could take any address anyway. */
const always = ['127.0.0.0/8', '::1/128']
/** Addresses in one header that are looked at. Longer chains are nobody's. */
const maxHops = 10

/** Takes addresses and ranges such as `10.0.0.0/8`, which `config` has checked. */
export function createTrustedProxies(ranges: readonly string[]): TrustedProxies {
  const trusted = new BlockList()
  for (const range of [...always, ...ranges]) addRange(trusted, range)
  const isTrusted = (address: string) => trusted.check(address, familyOf(address))
  return {
    clientOf(incoming) {
      const peer = plainAddress(incoming.socket.remoteAddress ?? '')
      if (peer === '' || !isTrusted(peer)) return peer
      const hops = forwardedHops(incoming.headers['x-forwarded-for'])
      // The last hop was written by the proxy that we trust, the one before it by whoever that is, and so on.
      return hops.reverse().find((hop) => !isTrusted(hop)) ?? peer
    },
  }
}

/** What the rate of an address is counted by: a client of IPv6 has a whole /64 at its hand, so that is one address. */
export function rateKeyOf(address: string): string {
  return isIP(address) === 6 ? `${networkOf(address)}::/64` : address
}

function networkOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const before = head.split(':').filter(Boolean)
  const after = (tail ?? '').split(':').filter(Boolean)
  const zeros = tail === undefined ? [] : Array(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].slice(0, 4).join(':')
}

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/')
  const family = familyOf(address)
  if (bits === undefined) list.addAddress(address, family)
  else list.addSubnet(address, Number(bits), family)
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

function forwardedHops(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '')
  const hops = text
    .split(',')
    .slice(-maxHops)
    .map((hop) => plainAddress(hop.trim()))
  // Behind a hop that is no address nothing is known.
  const broken = hops.findLastIndex((hop) => isIP(hop) === 0)
  return hops.slice(broken + 1)
}

/** Without brackets, port and zone, and an IPv4 address in IPv6's form as itself. */
function plainAddress(text: string): string {
  const bare =
    /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? (/^[\d.]+:\d+$/.test(text) ? text.replace(/:\d+$/, '') : text)
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  return mapped ?? bare.replace(/%.*$/, '').toLowerCase()
}
