import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SandboxRequest } from './ledger.ts'
import { WireError } from './wire-error.ts'

/** One request and its reply. */
export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  path: string
  requestId: string
  /** Aborts when the client has gone or the sandbox closes. */
  signal: AbortSignal
  entry?: SandboxRequest
}

export interface Reply {
  status?: number
  contentType?: string
  headers?: Record<string, string>
}

export function sendText({ response }: Exchange, text: string, reply: Reply = {}): void {
  const body = Buffer.from(text)
  response.writeHead(reply.status ?? 200, {
    'content-type': reply.contentType ?? 'application/json',
    'content-length': body.length,
    ...reply.headers,
  })
  response.end(body)
}

export function sendJson(exchange: Exchange, body: unknown, reply: Reply = {}): void {
  sendText(exchange, JSON.stringify(body), reply)
}

/** Resolves when the chunk has left the process, or rejects when the client has gone. */
export function writeChunk({ response, signal }: Exchange, chunk: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason)
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    response.write(chunk, (error) => {
      signal.removeEventListener('abort', giveUp)
      if (error) reject(error)
      else resolve()
    })
  })
}

/** The body within its limit. Leaving early keeps the connection, so that the refusal can still be sent. */
export async function* readBody({ request }: Exchange, maxBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw refuseLarge(maxBytes)
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length
    if (bytes > maxBytes) throw refuseLarge(maxBytes)
    yield chunk
  }
}

function refuseLarge(maxBytes: number): WireError {
  return new WireError(null, `Maximum content size limit (${maxBytes}) exceeded.`, { status: 413 })
}

export async function readJson(exchange: Exchange, maxBytes: number): Promise<unknown> {
  const chunks = await Array.fromAsync(readBody(exchange, maxBytes))
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new WireError(null, 'We could not parse the JSON body of your request.')
  }
}

/** Reads on what a refused client still sends, within a limit, or its next request would never be read. */
export function discardRest({ request }: Exchange, maxBytes: number): void {
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) request.destroy()
  })
  request.on('error', () => {})
  request.resume()
}
