import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'

export interface CuttingProxy {
  url: string
  /** The next connection that carries an event breaks right behind it, as if a cable were pulled. */
  cutBehindNextEvent(): void
  /** How many connections were cut. */
  readonly cuts: number
  close(): Promise<void>
}

/** Passes bytes to the gateway and back, until it is told to break a connection. */
export async function openCuttingProxy(gatewayUrl: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(gatewayUrl)
  const sockets = new Set<Socket>()
  let armed = false
  let cuts = 0

  function keep(socket: Socket): Socket {
    sockets.add(socket)
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }

  const server = createServer((incoming) => {
    const outgoing = keep(connect(Number(port), hostname))
    keep(incoming).pipe(outgoing)
    incoming.on('close', () => outgoing.destroy())
    outgoing.on('close', () => incoming.end())
    const scissors = cutBehindEvent((chunk) => {
      cuts += 1
      armed = false
      incoming.write(chunk, () => incoming.resetAndDestroy())
    })
    outgoing.pipe(scissors).pipe(incoming)
  })

  /** Looks only at whole writes: the gateway writes one event at a time. */
  function cutBehindEvent(cut: (chunk: Buffer) => void): Transform {
    let open = true
    return new Transform({
      transform(chunk: Buffer, _encoding, callback) {
        if (!open) return callback()
        const end = armed ? endOfEvent(chunk) : -1
        if (end === -1) return callback(null, chunk)
        open = false
        callback()
        cut(chunk.subarray(0, end))
      },
    })
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutBehindNextEvent() {
      armed = true
    },
    get cuts() {
      return cuts
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function endOfEvent(chunk: Buffer): number {
  const start = chunk.indexOf('event: next\n')
  const end = start === -1 ? -1 : chunk.indexOf('\n\n', start)
  return end === -1 ? -1 : end + 2
}
