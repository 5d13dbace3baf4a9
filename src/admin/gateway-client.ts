import { AdminError, type AdminErrorFacts, exitCodes } from './admin-error.ts'

/** The running gateway, as its own GraphQL API shows it. */
export interface GatewayClient {
  query<Data>(document: string, variables?: object): Promise<Data>
  /** A file as it is streamed, piece by piece. */
  download(path: string, parameters: Record<string, string>): AsyncGenerator<string>
}

export interface GatewayClientOptions {
  url: string
  key: string | undefined
  /** The limit for a whole answer: verifying millions of records takes minutes. */
  timeoutMs: number
}

interface Answer {
  data?: unknown
  errors?: { message: string; extensions?: AdminErrorFacts }[]
}

export function createGatewayClient({ url, key, timeoutMs }: GatewayClientOptions): GatewayClient {
  const base = url.replace(/\/+$/, '')
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { accept: 'application/json', ...(key && { authorization: `Bearer ${key}` }) }
    const signal = AbortSignal.timeout(timeoutMs)
    // A redirect would send the key to another address.
    const request = { ...init, signal, redirect: 'manual', headers: { ...headers, ...init.headers } } as const
    return fetch(`${base}${path}`, request).catch((error: Error) => {
      throw unreachable(base, error)
    })
  }

  return {
    query: async <Data>(document: string, variables: object = {}) => {
      const body = JSON.stringify({ query: document, variables })
      const headers = { 'content-type': 'application/json' }
      const { errors, data } = await readAnswer(
        await send('/graphql', { method: 'POST', headers, body }),
        base,
      )
      if (errors?.[0]) throw refused(errors[0])
      return data as Data
    },
    download: async function* (path, parameters) {
      const response = await send(`${path}?${new URLSearchParams(parameters)}`, {
        headers: { accept: '*/*' },
      })
      if (!response.ok) throw refused((await readAnswer(response, base)).errors?.[0])
      const decoder = new TextDecoder()
      for await (const piece of response.body ?? []) yield decoder.decode(piece, { stream: true })
    },
  }
}

async function readAnswer(response: Response, base: string): Promise<Answer> {
  const text = await response.text()
  try {
    const answer: unknown = JSON.parse(text)
    if (answer !== null && typeof answer === 'object') return answer
  } catch {
    // Reported below: a proxy, or another program, has answered.
  }
  const status = `HTTP ${response.status}`
  throw new AdminError(`What answers at ${base} is not Easel (${status}).`, exitCodes.unreachable)
}

function refused(error: NonNullable<Answer['errors']>[number] | undefined): AdminError {
  const { code, reason, field, requestId } = error?.extensions ?? {}
  const facts = JSON.parse(JSON.stringify({ code, reason, field, requestId })) as AdminErrorFacts
  const message = error?.message ?? 'The gateway gave no answer and no reason.'
  const hint = code === 'UNAUTHENTICATED' ? ' Give the key of an admin with EASEL_ADMIN_KEY or --key.' : ''
  return new AdminError(`${message}${hint}`, exitCodes.refused, facts)
}

function unreachable(base: string, error: Error): AdminError {
  const cause = error.cause as { code?: string; message?: string } | undefined
  const why =
    error.name === 'TimeoutError' ? 'no answer in time' : (cause?.code ?? cause?.message ?? error.message)
  return new AdminError(
    `No gateway at ${base} (${why}). Say where it is with EASEL_PUBLIC_URL or --url.`,
    exitCodes.unreachable,
  )
}
