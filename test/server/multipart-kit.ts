import { connect, type Socket } from 'node:net'

export interface Part {
  name: string
  value: string | Buffer
  filename?: string
  headers?: string
}

const boundary = '----toy-boundary'

export function field(name: string, value: unknown): Part {
  return { name, value: typeof value === 'string' ? value : JSON.stringify(value) }
}

export function file(name: string, value: string | Buffer, filename = 'a.png'): Part {
  return { name, value, filename }
}

export function encodeParts(parts: Part[], options: { boundary?: string; isOpen?: boolean } = {}): Buffer {
  const line = options.boundary ?? boundary
  const chunks = parts.flatMap(({ name, value, filename, headers = '' }) => [
    `--${line}\r\n${headers}Content-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n`,
    filename === undefined ? '' : 'Content-Type: image/png\r\n',
    '\r\n',
    value,
    '\r\n',
  ])
  if (!options.isOpen) chunks.push(`--${line}--\r\n`)
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string)))
}

export function multipartHeaders(line = boundary): Record<string, string> {
  return { authorization: 'Bearer ann', 'content-type': `multipart/form-data; boundary=${line}` }
}

export interface Answer {
  status: number
  body: {
    data?: Record<string, unknown> | null
    errors?: { message: string; extensions: Record<string, unknown> }[]
  }
}

export async function send(
  url: string,
  parts: Part[] | Buffer,
  headers = multipartHeaders(),
): Promise<Answer> {
  const body = Buffer.isBuffer(parts) ? parts : encodeParts(parts)
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: body as never })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

export const storeOne = {
  query: 'mutation ($file: Upload) { store(file: $file) { sha256 bytes } }',
  variables: { file: null },
}

export const storeMany = {
  query: 'mutation ($files: [Upload]) { storeAll(files: $files) { bytes } }',
  variables: { files: [null, null] },
}

/** A request written by hand: what the server sends is collected until it closes. */
export interface RawConnection {
  socket: Socket
  received(): string
  closed: Promise<void>
  written(): number
}

export async function openRaw(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1' })
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return {
    socket,
    closed,
    received: () => Buffer.concat(chunks).toString('latin1'),
    written: () => socket.bytesWritten,
  }
}
