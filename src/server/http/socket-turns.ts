import type { Socket } from 'node:net'

/** Requests that a client may send ahead on one connection. Browsers and clients of GraphQL send none. */
const maxAhead = 64

interface Line {
  length: number
  last: Promise<void>
}

/**
 * The requests of a connection are worked on one after the other, in the order of their answers, though a client may
 * send many ahead (HTTP/1.1 pipelining): otherwise one socket takes as much of the gateway as it likes.
 */
export class SocketTurns {
  readonly #lines = new WeakMap<Socket, Line>()

  /** Works when the requests before have their answers. A connection with too many of them is cut. */
  async take(socket: Socket, work: () => Promise<void>): Promise<void> {
    const line = this.#lines.get(socket) ?? { length: 0, last: Promise.resolve() }
    this.#lines.set(socket, line)
    if (line.length > maxAhead) {
      socket.destroy()
      return
    }
    line.length += 1
    const before = line.last
    const turn = before.then(() => (socket.writable ? work() : undefined))
    line.last = turn.catch(() => {})
    try {
      await turn
    } finally {
      line.length -= 1
    }
  }
}
