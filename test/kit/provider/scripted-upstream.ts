import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** One request as it came over the wire. */
export interface RecordedRequest {
  method: string
  path: string
  /** Names in lower case. */
  headers: Record<string, string>
  /** The head as it was, without the body. */
  head: string
  body: Buffer
}

export interface Exchange {
  request: RecordedRequest
  socket: Socket
  /** Resolves when the bytes have left the process. */
  write(bytes: string | Uint8Array): Promise<void>
  end(): void
  /** Cuts the connection with a TCP reset. */
  reset(): void
}

export type Script = (exchange: Exchange) => unknown

export interface ScriptedUpstream {
  url: string
  port: number
  requests: RecordedRequest[]
  /** One script per request, in order; the last one serves all further requests. */
  script(...scripts: Script[]): void
  /** Connections that are open. */
  openSockets(): number
  close(): Promise<void>
}

/** A server that says exactly the bytes a test gives it. */
export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const sockets = new Set<Socket>()
  const requests: RecordedRequest[] = []
  let scripts: Script[] = []
  const take = () =>
    (scripts.length > 1 ? scripts.shift() : scripts[0]) ?? ((exchange: Exchange) => exchange.reset())
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    serve(socket, requests, take).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The upstream has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    script: (...given) => {
      scripts = given
    },
    openSockets: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function serve(socket: Socket, requests: RecordedRequest[], take: () => Script): Promise<void> {
  let pending = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    pending = Buffer.concat([pending, chunk])
    const taken = takeRequest(pending)
    if (!taken) continue
    pending = Buffer.from(pending.subarray(taken.length))
    requests.push(taken.request)
    await take()(createExchange(socket, taken.request))
  }
}

function takeRequest(bytes: Buffer): { request: RecordedRequest; length: number } | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return null
  const head = bytes.toString('latin1', 0, end)
  const [start = '', ...lines] = head.split('\r\n')
  const [method = '', path = ''] = start.split(' ')
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const length = end + 4 + Number(headers['content-length'] ?? 0)
  if (bytes.length < length) return null
  const body = Buffer.from(bytes.subarray(end + 4, length))
  return { request: { method, path, headers, head, body }, length }
}

function createExchange(socket: Socket, request: RecordedRequest): Exchange {
  return {
    request,
    socket,
    write: (bytes) =>
      new Promise((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve()))),
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
  }
}

export interface ScriptedReply {
  status?: number
  contentType?: string
  headers?: Record<string, string>
}

/** A whole reply with its length. */
export function reply(body: string | Uint8Array, options: ScriptedReply = {}): Script {
  const bytes = Buffer.from(body)
  return async ({ write, end }) => {
    await write(
      writeHead({ ...options, headers: { ...options.headers, 'content-length': String(bytes.length) } }),
    )
    await write(bytes)
    end()
  }
}

export function replyJson(body: unknown, options: ScriptedReply = {}): Script {
  return reply(JSON.stringify(body), { contentType: 'application/json', ...options })
}

/** A stream without a length: it ends with the connection, after the given pieces. */
export function replyEvents(...pieces: string[]): Script {
  return async ({ write, end }) => {
    await write(writeHead({ contentType: 'text/event-stream' }))
    for (const piece of pieces) await write(piece)
    end()
  }
}

export function writeHead({ status = 200, contentType, headers = {} }: ScriptedReply): string {
  const lines = Object.entries({ ...(contentType && { 'content-type': contentType }), ...headers })
  return `HTTP/1.1 ${status} Scripted\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}connection: close\r\n\r\n`
}
