import { Pool } from 'undici'
import { splitEvents } from './events.ts'

export interface Request {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: Buffer
}

/** Keeps its connections for a phase. */
export interface Client {
  send(request: Request): Promise<Buffer>
  /** The events of the reply, each as it came. */
  follow(request: Request): AsyncIterable<Buffer>
  close(): Promise<void>
}

export function openClient(url: string, concurrency: number): Client {
  // A client fetches an image while its stream of events is open.
  const pool = new Pool(url, { connections: 2 * concurrency, headersTimeout: 0, bodyTimeout: 0 })
  const call = async (request: Request) => {
    const { statusCode, body } = await pool.request({ ...request, body: request.body ?? null })
    if (statusCode !== 200) throw new Error(`${request.path}: ${statusCode} ${await body.text()}`)
    return body
  }
  return {
    send: async (request) => Buffer.concat(await Array.fromAsync(await call(request))),
    async *follow(request) {
      yield* splitEvents(await call(request))
    },
    close: () => pool.close(),
  }
}
