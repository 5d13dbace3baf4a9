import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
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
  /** Once: resets a connection when so many bytes of this end's have gone on to the other. Resolves when it has. */
  resetAfter(from: End, bytes: number): Promise<void>
  /** This end's half of every connection is closed, by which the other end learns that no more will come. */
  halfClose(of: End): void
  /** Nothing moves any more, and nothing is closed, as when the machine behind hangs. */
  freeze(frozen: boolean): void
  /** Nobody listens: new connections are refused by the system itself, open ones stay as they are. */
  refuse(refusing: boolean): Promise<void>
  /**
   * Once: when what a connection has sent since `from` holds `to`, it goes on to the server, and the server's answer is
   * dropped together with the connection. Resolves when that has happened.
   */
  dropReply(match: { from: RegExp; to: RegExp }): Promise<void>
  connections(): number
  close(): Promise<void>
}

export type End = 'client' | 'server'

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

class Faults {
  delayMs = 0
  drip = { bytes: 0, everyMs: 0 }
  trap: Trap | null = null
  cut: { from: End; bytes: number; done: () => void } | null = null
  thawed = Promise.withResolvers<void>()
}

export async function startFaultProxy(target: { host?: string; port: number }): Promise<FaultProxy> {
  const wires = new Set<Wire>()
  const faults = new Faults()
  faults.thawed.resolve()
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true })
    const wire: Wire = { client, server: upstream, sent: '', dropping: false }
    wires.add(wire)
    const cut = () => {
      wires.delete(wire)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('error', cut).on('close', cut)
    pump(wire, 'client', faults)
    pump(wire, 'server', faults)
  })
  const port = await listen(server, 0)
  return {
    port,
    delay: (ms) => {
      faults.delayMs = ms
    },
    drip: (bytes, everyMs) => {
      faults.drip = { bytes, everyMs }
    },
    reset: () => [...wires].forEach(reset),
    resetAfter: (from, bytes) =>
      new Promise((done) => {
        faults.cut = { from, bytes, done }
      }),
    halfClose: (of) => {
      for (const wire of wires) wire[of === 'client' ? 'server' : 'client'].end()
    },
    freeze: (frozen) => {
      if (frozen) faults.thawed = Promise.withResolvers()
      else faults.thawed.resolve()
    },
    refuse: async (refusing) => {
      if (refusing) server.close()
      else await listen(server, port)
    },
    dropReply: ({ from, to }) =>
      new Promise((sprung) => {
        for (const wire of wires) wire.sent = ''
        faults.trap = { from, to, sprung }
      }),
    connections: () => wires.size,
    close: async () => {
      faults.thawed.resolve()
      for (const wire of wires) reset(wire)
      // One that refuses is closed already, and says so.
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function reset({ client, server }: Wire): void {
  client.resetAndDestroy()
  server.resetAndDestroy()
}

/** Carries what one end says to the other one. */
function pump(wire: Wire, end: End, faults: Faults): void {
  const from = wire[end]
  const to = wire[end === 'client' ? 'server' : 'client']
  let carried = 0
  const run = async () => {
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      for (const piece of await through(wire, { end, chunk, carried }, faults)) {
        if (to.destroyed) return
        if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')])
        await slow(end === 'server' ? faults.drip.everyMs : 0)
      }
      carried += chunk.length
    }
    if (!to.destroyed) to.end()
  }
  run().catch(() => to.destroy())
}

interface Carried {
  end: End
  chunk: Buffer
  /** How many bytes came before it. */
  carried: number
}

/** The pieces in which a chunk goes on, when it is time. */
async function through(wire: Wire, { end, chunk, carried }: Carried, faults: Faults): Promise<Buffer[]> {
  if (wire.dropping && end === 'server') {
    wire.client.resetAndDestroy()
    wire.server.destroy()
    faults.trap?.sprung()
    faults.trap = null
    return []
  }
  if (end === 'client') watch(wire, chunk, faults)
  await slow(faults.delayMs)
  await faults.thawed.promise
  const { cut } = faults
  if (cut?.from === end && carried + chunk.length > cut.bytes) {
    faults.cut = null
    const to = wire[end === 'client' ? 'server' : 'client']
    to.write(chunk.subarray(0, Math.max(0, cut.bytes - carried)), () => {
      reset(wire)
      cut.done()
    })
    return []
  }
  return end === 'server' ? slice(chunk, faults.drip.bytes) : [chunk]
}

function watch(wire: Wire, chunk: Buffer, { trap }: Faults): void {
  if (!trap) return
  wire.sent = (wire.sent + chunk.toString('latin1')).slice(-maxSent)
  const start = wire.sent.search(trap.from)
  if (start === -1) return
  if (trap.to.test(wire.sent.slice(start))) wire.dropping = true
}

const slow = (ms: number) => (ms > 0 ? pause(ms) : undefined)

function slice(chunk: Buffer, bytes: number): Buffer[] {
  if (bytes === 0) return [chunk]
  return Array.from({ length: Math.ceil(chunk.length / bytes) }, (_, index) =>
    chunk.subarray(index * bytes, (index + 1) * bytes),
  )
}
