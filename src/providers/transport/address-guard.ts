import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** The rules of addresses that a provider gives, by what each of them wants. */
export type AddressRule = 'HTTPS' | 'NO_CREDENTIALS' | 'NO_PORT' | 'PUBLIC_ADDRESS' | 'FEW_REDIRECTS'

/** An address that the gateway must not connect to. */
export class ForbiddenAddress extends Error {
  readonly code = 'FORBIDDEN_ADDRESS'
  readonly rule: AddressRule
  /** With its port, where that is not the usual one. */
  readonly host: string

  constructor(rule: AddressRule, host: string, message: string) {
    super(message)
    this.rule = rule
    this.host = host
  }
}

/** Everything that is not the public internet: https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-. */
const forbidden = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  forbidden.addSubnet(network, prefix, 'ipv4')
}

/** Of IPv6 only 2000::/3 is given out; within it lie tunnels that can carry any IPv4 address. */
const publicSixes = new BlockList()
publicSixes.addSubnet('2000::', 3, 'ipv6')
const tunnels = new BlockList()
tunnels.addSubnet('2001::', 23, 'ipv6')
tunnels.addSubnet('2001:db8::', 32, 'ipv6')
tunnels.addSubnet('2002::', 16, 'ipv6')
tunnels.addSubnet('3fff::', 20, 'ipv6')

export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !forbidden.check(address, 'ipv4')
  if (family !== 6 || address.includes('%')) return false
  return publicSixes.check(address, 'ipv6') && !tunnels.check(address, 'ipv6')
}

/**
 * Resolves a name for one connection and refuses it if any of its addresses is not public. It runs at connect time,
 * on the addresses that are then connected to: a name that resolves differently a moment later gains nothing.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  systemLookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, '', 0)
    const addresses: LookupAddress[] = found
    const [first] = addresses
    if (!first || !addresses.every(({ address }) => isPublicAddress(address))) {
      const words = `${hostname} does not resolve to a public address`
      return callback(new ForbiddenAddress('PUBLIC_ADDRESS', hostname, words), '', 0)
    }
    if (options.all) return callback(null, addresses)
    callback(null, first.address, first.family)
  })
}

/** Throws for an address from an upstream that may not be fetched, before its name is resolved. */
export function checkDownloadUrl(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const refuse = (rule: AddressRule, words: string) =>
    new ForbiddenAddress(rule, url.host, `The address of a result ${words}`)
  if (url.protocol !== 'https:') throw refuse('HTTPS', 'is not https')
  if (url.username || url.password) throw refuse('NO_CREDENTIALS', 'carries credentials')
  if (url.port !== '') throw refuse('NO_PORT', 'names a port')
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refuse('PUBLIC_ADDRESS', 'is not public')
}

export interface ResultPlaces {
  baseUrl: URL
  /** Hosts that the operator named, each with its port or without. */
  resultHosts: readonly string[]
}

/**
 * How an address that a provider gives for a result may be asked for. Throws a ForbiddenAddress where it may not.
 *
 *   own     the origin of the base address.
 *   named   a host that the operator named, by http or https and wherever it is.
 *   public  any other: by https, without a port, and on the public internet.
 */
export function findResultReach(
  url: URL,
  { baseUrl, resultHosts }: ResultPlaces,
): 'own' | 'named' | 'public' {
  if (url.username === '' && url.password === '') {
    if (url.origin === baseUrl.origin) return 'own'
    if (/^https?:$/.test(url.protocol) && resultHosts.some((host) => isAt(url, host))) return 'named'
  }
  checkDownloadUrl(url)
  return 'public'
}

/** A host without a port stands for the usual ports alone: a provider must not choose one on a machine of the house. */
function isAt({ hostname, port, protocol }: URL, host: string): boolean {
  const named = new URL(`http://${host}`)
  if (named.hostname !== hostname) return false
  const [, namedPort = ''] = /:(\d+)$/.exec(host) ?? []
  const usualPort = protocol === 'https:' ? '443' : '80'
  return namedPort === '' ? port === '' : Number(namedPort) === Number(port || usualPort)
}

export interface OwnHosts {
  baseUrl: URL
  /** The domain that belongs to the provider as a whole, or null. */
  domain: string | null
}

/**
 * How an address that a provider gives for its own work may be asked for, with its credentials; null: not at all.
 *
 *   own     the host of the base address, on whatever port and wherever that is.
 *   public  another host of the provider's domain, if the base address lies there too. It must be a public one.
 */
export function findReach(url: URL, { baseUrl, domain }: OwnHosts): 'own' | 'public' | null {
  if (url.username || url.password) return null
  if (url.hostname === baseUrl.hostname && url.protocol === baseUrl.protocol) return 'own'
  const isPublic = url.protocol === 'https:' && url.port === ''
  return domain && isPublic && isBelow(url, domain) && isBelow(baseUrl, domain) ? 'public' : null
}

function isBelow({ hostname }: URL, domain: string): boolean {
  return hostname === domain || hostname.endsWith(`.${domain}`)
}
