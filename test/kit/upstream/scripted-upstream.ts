import { EventEmitter, once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { waitMs } from '../limits.ts'
import { createExchange, type PaidCall, type RecordedRequest, type Script, serve } from './exchange.ts'
import { image } from './image-replies.ts'

/**
 * Whatever a gateway calls, with books of its own: it charges for a request for an image once its whole body has
 * arrived, whatever becomes of the reply. What Easel thinks it has spent is checked against these books.
 */
export interface ScriptedUpstream {
  url: string
  port: number
  requests: RecordedRequest[]
  /** The books: the requests that have a prompt. */
  calls: PaidCall[]
  paidFor(prompt: string): number
  /** One script per request, in order; the last one serves all further requests. Without any they get an image. */
  script(...scripts: Script[]): void
  /** What the next requests with this prompt get; those after them get what all others do. */
  answer(prompt: string, ...scripts: Script[]): void
  /** Resolves when the calls satisfy the condition. */
  until(isTrue: (calls: PaidCall[]) => boolean): Promise<void>
  /** Connections that are open. */
  openSockets(): number
  close(): Promise<void>
}

class Scripts {
  ofAll: Script[] = []
  readonly ofPrompts = new Map<string, Script[]>()

  next(prompt: string): Script {
    const ofPrompt = this.ofPrompts.get(prompt)?.shift()
    if (ofPrompt) return ofPrompt
    const ofAll = this.ofAll.length > 1 ? this.ofAll.shift() : this.ofAll[0]
    return ofAll ?? image()
  }
}

/** An upstream on the loopback that says exactly the bytes a test gives it. */
export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const sockets = new Set<Socket>()
  const requests: RecordedRequest[] = []
  const calls: PaidCall[] = []
  const scripts = new Scripts()
  const news = new EventEmitter().setMaxListeners(0)
  const answer = (request: RecordedRequest, socket: Socket) => {
    requests.push(request)
    const exchange = createExchange(socket, request)
    if (exchange.call.prompt) calls.push(exchange.call)
    news.emit('call')
    return scripts.next(exchange.call.prompt)(exchange)
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    serve(socket, answer).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    calls,
    paidFor: (prompt) => calls.filter((call) => call.prompt === prompt && call.paid).length,
    script: (...ofAll) => {
      scripts.ofAll = ofAll
    },
    answer: (prompt, ...ofPrompt) => void scripts.ofPrompts.set(prompt, ofPrompt),
    until: async (isTrue) => {
      const signal = AbortSignal.timeout(waitMs)
      while (!isTrue(calls)) await once(news, 'call', { signal })
    },
    openSockets: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
