import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** A wire between a client and a server of the same machine, on which things go wrong. */
export interface FaultProxy {
  port: number
  /** Every piece takes this much longer, in both directions. */
  delay(ms: number): void
  /** Answers come in pieces of this many bytes, `everyMs` apart; 0 ends it. */
  drip(bytes: number, everyMs: number): void
  /** Resets every connection. */
  reset(): void
  /** The client's half of every connection ends; the server's stays open. */
  halfClose(): void
  /** Nothing moves any more, and nothing is closed, as when the machine behind hangs. */
  freeze(frozen: boolean): void
  /** No new connections, as when nobody listens. */
  refuse(refusing: boolean): void
  /**
   * Once: when what a connection has sent since `from` holds `to`, it goes on to the server, and the server's answer is
   * dropped together with the connection. Resolves when that has happened.
   */
  dropReply(match: { from: RegExp; to: RegExp }): Promise<void>
  connections(): number
  close(): Promise<void>
}

interface Wire {
  client: Socket
  server: Socket
  sent: string
  dropping: boolean
}

interface Trap {
  from: RegExp
  to: RegExp
  sprung: () => void
}

/** Enough to hold the statements of one transaction. */
const maxSent = 64 * 1024

export async function startFaultProxy(target: { host?: string; port: number }): Promise<FaultProxy> {
  const wires = new Set<Wire>()
  const faults = {
    delayMs: 0,
    drip: { bytes: 0, everyMs: 0 },
    refusing: false,
    trap: null as Trap | null,
    thawed: Promise.withResolvers<void>(),
  }
  faults.thawed.resolve()

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (faults.refusing) return void client.resetAndDestroy()
    const upstream = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true })
    const wire: Wire = { client, server: upstream, sent: '', dropping: false }
    wires.add(wire)
    const cut = () => {
      wires.delete(wire)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('error', cut).on('close', cut)
    pump(client, upstream, async (chunk) => {
      watch(wire, chunk, faults)
      await slow(faults.delayMs)
      await faults.thawed.promise
      return [chunk]
    })
    pump(
      upstream,
      client,
      async (chunk) => {
        if (wire.dropping) {
          client.resetAndDestroy()
          upstream.destroy()
          faults.trap?.sprung()
          faults.trap = null
          return []
        }
        await slow(faults.delayMs)
        await faults.thawed.promise
        return slice(chunk, faults.drip.bytes)
      },
      () => faults.drip.everyMs,
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    delay: (ms) => {
      faults.delayMs = ms
    },
    drip: (bytes, everyMs) => {
      faults.drip = { bytes, everyMs }
    },
    reset: () => {
      for (const { client, server: upstream } of [...wires]) {
        client.resetAndDestroy()
        upstream.resetAndDestroy()
      }
    },
    halfClose: () => {
      for (const { server: upstream } of wires) upstream.end()
    },
    freeze: (frozen) => {
      if (frozen) faults.thawed = Promise.withResolvers()
      else faults.thawed.resolve()
    },
    refuse: (refusing) => {
      faults.refusing = refusing
    },
    dropReply: ({ from, to }) =>
      new Promise((sprung) => {
        for (const wire of wires) wire.sent = ''
        faults.trap = { from, to, sprung }
      }),
    connections: () => wires.size,
    close: async () => {
      faults.thawed.resolve()
      for (const { client, server: upstream } of wires) {
        client.destroy()
        upstream.destroy()
      }
      server.close()
      await once(server, 'close')
    },
  }
}

function watch(wire: Wire, chunk: Buffer, { trap }: { trap: Trap | null }): void {
  if (!trap) return
  wire.sent = (wire.sent + chunk.toString('latin1')).slice(-maxSent)
  const start = wire.sent.search(trap.from)
  if (start === -1) return
  if (trap.to.test(wire.sent.slice(start))) wire.dropping = true
}

function pump(
  from: Socket,
  to: Socket,
  through: (chunk: Buffer) => Promise<Buffer[]>,
  everyMs: () => number = () => 0,
): void {
  const run = async () => {
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      for (const piece of await through(chunk as Buffer)) {
        if (to.destroyed) return
        if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')])
        await slow(everyMs())
      }
    }
    if (!to.destroyed) to.end()
  }
  run().catch(() => to.destroy())
}

const slow = (ms: number) => (ms > 0 ? pause(ms) : undefined)

function slice(chunk: Buffer, bytes: number): Buffer[] {
  if (bytes === 0) return [chunk]
  return Array.from({ length: Math.ceil(chunk.length / bytes) }, (_, index) =>
    chunk.subarray(index * bytes, (index + 1) * bytes),
  )
}
