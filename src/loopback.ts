import { BlockList, isIP } from 'node:net'

const ownAddresses = new BlockList()
ownAddresses.addSubnet('127.0.0.0', 8, 'ipv4')
ownAddresses.addAddress('::1', 'ipv6')

/** Whether a host name or an address means this machine. `::ffff:127.0.0.1` is 127.0.0.1 as an IPv6 socket shows it. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  const family = isIP(name)
  if (family === 4) return ownAddresses.check(name, 'ipv4')
  // A zone (`fe80::1%eth0`) belongs to an address of a network.
  if (family === 6) return !name.includes('%') && ownAddresses.check(name, 'ipv6')
  // RFC 6761: every name under `localhost` is this machine, also in its absolute form with a dot at the end.
  return /^([\w-]+\.)*localhost\.?$/.test(name)
}

/** The same for a header `Host`, which may have a port. */
export function isLoopbackAuthority(authority: string): boolean {
  const host = /^(\[[^\]]*\]|[^:]*)(:\d*)?$/.exec(authority)?.[1]
  return host !== undefined && isLoopback(host)
}
