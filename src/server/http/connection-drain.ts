import type { Server as HttpServer } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** How many turns of the event loop a stopping server spends at most on accepting connections that wait already. */
const maxTurns = 50

/**
 * Ends a server without cutting anybody off.
 *
 * A balancer sends a request on a connection that it keeps, or on one that it has just opened, and cannot know that the
 * server closes it at that moment: it sees a reset, and must not send a mutation again. So connections are not closed
 * because they are silent. Each may bring one more request, for `lingerMs`; its answer says `Connection: close`, after
 * which the balancer opens another one elsewhere. Node's own `close` would cut the silent ones at once, and counts a
 * fresh one, whose first request has not come, as busy for ever.
 */
export class ConnectionDrain {
  readonly #server: HttpServer
  readonly #lingerMs: number
  /** The requests of each connection that have no answer yet. */
  readonly #connections = new Map<Socket, number>()
  #accepted = 0
  #isClosing = false

  constructor(server: HttpServer, lingerMs: number) {
    this.#server = server
    this.#lingerMs = lingerMs
    server.on('connection', (socket: Socket) => {
      this.#accepted++
      this.#connections.set(socket, 0)
      socket.once('close', () => this.#connections.delete(socket))
    })
  }

  begin(socket: Socket): void {
    this.#count(socket, 1)
  }

  end(socket: Socket): void {
    this.#count(socket, -1)
    if (this.#isClosing) this.#linger(socket)
  }

  /** Resolves when the last connection is closed; what is open after `timeoutMs` is cut. */
  async close(timeoutMs: number): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.once('close', resolve))
    await this.#stopListening()
    this.#isClosing = true
    for (const socket of this.#connections.keys()) this.#linger(socket)
    const timer = setTimeout(() => this.#server.closeAllConnections(), timeoutMs)
    await closed
    clearTimeout(timer)
    // Every connection is closed by now; this stops the timer of Node's server.
    this.#server.close()
  }

  /**
   * The system resets connections that were not accepted yet. After a turn of the event loop without a new connection none
   * is waiting.
   */
  async #stopListening(): Promise<void> {
    // The present turn may have looked at the listening socket already.
    await nextTurn()
    for (let turns = 0, before = -1; turns < maxTurns && before !== this.#accepted; turns++) {
      before = this.#accepted
      await nextTurn()
    }
    NetServer.prototype.close.call(this.#server)
  }

  #count(socket: Socket, difference: 1 | -1): void {
    const requests = this.#connections.get(socket)
    if (requests !== undefined) this.#connections.set(socket, requests + difference)
  }

  /** Closes the connection if it stays silent. It does so right after the sockets were read, so no request is unread. */
  #linger(socket: Socket): void {
    const isSilent = () => this.#connections.get(socket) === 0
    if (!isSilent()) return
    const timer = setTimeout(async () => {
      await nextTurn()
      if (isSilent()) socket.destroySoon()
    }, this.#lingerMs)
    socket.once('close', () => clearTimeout(timer))
  }
}
