import { isLoopback } from '../loopback.ts'
import type { Env } from './env.ts'

export interface Reach {
  host: string
  publicUrl: string
  hasJwt: boolean
}

/**
 * `off` makes every local caller an administrator. It is the default of a gateway that is tried on one's own machine. As
 * soon as a setting shows that others shall use the gateway, `on` is the default and `off` is refused: a proxy on the
 * same machine would let strangers in as administrators.
 */
export function readAuth(env: Env, reach: Reach, faults: string[]): 'on' | 'off' {
  const signs = findSignsOfOthers(env, reach)
  const auth = env.auth ?? (signs.length > 0 ? 'on' : 'off')
  if (auth !== 'on' && auth !== 'off') {
    faults.push(`EASEL_AUTH must be "on" or "off", not "${auth}"`)
    return 'on'
  }
  if (auth === 'off' && signs.length > 0) {
    faults.push(
      `EASEL_AUTH=off makes everybody an administrator and is for one machine alone, but ${signs.join(', ')}`,
    )
  }
  return auth
}

function findSignsOfOthers(env: Env, { host, publicUrl, hasJwt }: Reach): string[] {
  const publicHost = env.publicUrl === undefined ? undefined : URL.parse(publicUrl)?.hostname
  return [
    isLoopback(host) ? null : `HOST is "${host}"`,
    publicHost === undefined || isLoopback(publicHost) ? null : `EASEL_PUBLIC_URL is on "${publicHost}"`,
    env.adminKey === undefined ? null : 'EASEL_ADMIN_KEY is set',
    hasJwt ? `${env.configFile} has jwt` : null,
    env.nodeEnv === 'production' ? 'NODE_ENV is production' : null,
  ].filter((sign) => sign !== null)
}
