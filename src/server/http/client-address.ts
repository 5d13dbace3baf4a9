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
      const hops = forwardedHops(incoming.headers['x-forwarded-for']).reverse()
      // The last hop was written by the proxy that we trust, the one before it by whoever that is, and so on. Where all are
      // trusted, the first is the client: a program inside, and not the proxy that stands for everybody.
      return hops.find((hop) => !isTrusted(hop)) ?? hops.at(-1) ?? peer
    },
  }
}

/** What the rate of an address is counted by: a client of IPv6 has a whole /64 at its hand, so that is one address. */
export function rateKeyOf(address: string): string {
  return isIP(address) === 6 ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address
}

/** The eight groups of an IPv6 address, each without leading zeros. */
function groupsOf(address: string): string[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const before = head.split(':').filter(Boolean)
  const after = (tail ?? '').split(':').filter(Boolean)
  return [...before, ...Array(8 - before.length - after.length).fill('0'), ...after]
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

/** Prefixes of six groups behind which an IPv4 address stands: of a mapped one, and of a translated one (RFC 6052). */
const ipv4Prefixes = ['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0']

/** Without brackets, port and zone, and an IPv4 address in IPv6's form as itself. */
function plainAddress(text: string): string {
  const bare =
    /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? (/^[\d.]+:\d+$/.test(text) ? text.replace(/:\d+$/, '') : text)
  const address = bare.replace(/%.*$/, '').toLowerCase()
  if (isIP(address) !== 6) return address
  const groups = groupsOf(address)
  return ipv4Prefixes.includes(groups.slice(0, 6).join(':')) ? ipv4Of(groups.slice(6)) : address
}

function ipv4Of(groups: string[]): string {
  return groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255])
    .join('.')
}
