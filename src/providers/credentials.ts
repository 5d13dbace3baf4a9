import { execFile } from 'node:child_process'
import type { OptionValues } from './option-rules.ts'

export type CredentialOptions = Pick<
  OptionValues,
  'apiKey' | 'iamToken' | 'iamTokenCommand' | 'organization' | 'project'
>

export interface Credentials {
  /** The headers with the credentials. */
  headers(signal: AbortSignal): Promise<Record<string, string>>
  /** The secrets that must not appear in messages. */
  secrets(): string[]
  /** Called when the upstream refused the credentials; a token from a command is fetched again. */
  renew(): void
}

/** How long a token from a command is used: a revoked one is soon replaced, and the command rarely runs. */
const tokenLifetimeMs = 10 * 60_000
const commandTimeoutMs = 30_000

/** The credentials of a provider: its key or token, and its account. */
export interface Identity {
  key?: string | undefined
  /** Takes precedence over the key. */
  token?: string | undefined
  organization?: string | undefined
  project?: string | undefined
}

/** Makes the headers with a provider's credentials. */
export type Authorize = (identity: Identity) => Record<string, string>

/** A token of the cloud is always a Bearer, whatever the scheme of keys. */
export function sendScheme(scheme: string, { key, token }: Identity): Record<string, string> {
  if (token) return { authorization: `Bearer ${token}` }
  return key ? { authorization: `${scheme} ${key}` } : {}
}

export function sendBearer(identity: Identity): Record<string, string> {
  return sendScheme('Bearer', identity)
}

export function createCredentials(
  options: CredentialOptions,
  { authorize, now }: { authorize: Authorize; now: () => Date },
): Credentials {
  const { apiKey, iamToken, iamTokenCommand, organization, project } = options
  let printed: { token: string; at: number } | null = null

  const readToken = async (command: string, signal: AbortSignal) => {
    const at = now().getTime()
    if (!printed || at - printed.at > tokenLifetimeMs || at < printed.at)
      printed = { token: await run(command, signal), at }
    return printed.token
  }
  return {
    headers: async (signal) => {
      const token = iamTokenCommand ? await readToken(iamTokenCommand, signal) : iamToken
      return authorize({ key: apiKey, token, organization, project })
    },
    secrets: () =>
      [apiKey, iamToken, printed?.token, organization, project].filter((each) => each !== undefined),
    renew: () => {
      printed = null
    },
  }
}

function run(command: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: commandTimeoutMs, maxBuffer: 64 * 1024, signal }
    execFile('/bin/sh', ['-c', command], limits, (error, stdout) => {
      const token = stdout.trim()
      if (error || !/^[\w.~+/=-]+$/.test(token))
        reject(new Error('The iamTokenCommand printed no token', { cause: error }))
      else resolve(token)
    })
  })
}
