import type { Script } from './exchange.ts'

export interface ReplyOptions {
  status?: number
  contentType?: string
  headers?: Record<string, string>
}

/** A whole reply with its length. */
export function reply(body: string | Uint8Array, options: ReplyOptions = {}): Script {
  const bytes = Buffer.from(body)
  return async ({ write, end }) => {
    await write(
      writeHead({ ...options, headers: { ...options.headers, 'content-length': String(bytes.length) } }),
    )
    await write(bytes)
    end()
  }
}

export function replyJson(body: unknown, options: ReplyOptions = {}): Script {
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

export function writeHead({ status = 200, contentType, headers = {} }: ReplyOptions): string {
  const lines = Object.entries({ ...(contentType && { 'content-type': contentType }), ...headers })
  return `HTTP/1.1 ${status} Scripted\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}connection: close\r\n\r\n`
}

export const reset: Script = ({ reset: cut }) => cut()
export const silence: Script = () => {}
