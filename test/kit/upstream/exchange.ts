import type { Socket } from 'node:net'

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

/** A whole request for an image, as a provider would charge for it. */
export interface PaidCall {
  prompt: string
  /** Easel's own name of the attempt. */
  attemptId: string
  n: number
  /** Milliseconds of a clock that never jumps. */
  at: number
  /** False once it was refused before any work. */
  paid: boolean
}

export interface Exchange {
  request: RecordedRequest
  /** In the books, if the request has a prompt. */
  call: PaidCall
  socket: Socket
  /** Resolves when the bytes have left the process. */
  write(bytes: string | Uint8Array): Promise<void>
  end(): void
  /** Cuts the connection with a TCP reset. */
  reset(): void
}

/** How one request is answered. */
export type Script = (exchange: Exchange) => unknown

/** Takes the requests of a connection one after the other: the next one when the one before has been answered. */
export async function serve(
  socket: Socket,
  answer: (request: RecordedRequest, socket: Socket) => unknown,
): Promise<void> {
  let pending = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    pending = Buffer.concat([pending, chunk])
    const taken = takeRequest(pending)
    if (!taken) continue
    pending = Buffer.from(pending.subarray(taken.length))
    await answer(taken.request, socket)
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

export function createExchange(socket: Socket, request: RecordedRequest): Exchange {
  return {
    request,
    call: readCall(request),
    socket,
    write: (bytes) =>
      new Promise((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve()))),
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
  }
}

/** Without a prompt it is a request for something else, such as an image that is ready. */
function readCall({ headers, body }: RecordedRequest): PaidCall {
  const { prompt = '', n = 1 } = readFields(headers['content-type'] ?? '', body)
  return {
    prompt: String(prompt),
    attemptId: headers['x-client-request-id'] ?? '',
    n: Number(n),
    at: performance.now(),
    paid: true,
  }
}

function readFields(contentType: string, body: Buffer): { prompt?: unknown; n?: unknown } {
  if (contentType.includes('json')) return JSON.parse(body.toString('utf8'))
  if (!contentType.includes('multipart')) return {}
  const text = body.toString('utf8')
  return { prompt: formField(text, 'prompt'), n: formField(text, 'n') }
}

function formField(text: string, name: string): string | undefined {
  return new RegExp(`name="${name}"\r\n\r\n(.*?)\r\n`, 's').exec(text)?.[1]
}
