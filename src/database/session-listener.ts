import { EventEmitter } from 'node:events'
import type pg from 'pg'

/**
 * Hears notifications on the one connection of a pool, and on each that takes its place: where there is one session,
 * nobody else could hear them.
 */
export class SessionListener {
  readonly #wakes = new EventEmitter()

  /** Call with each new connection, before it is used. */
  async attach(client: pg.ClientBase): Promise<void> {
    client.on('notification', ({ channel, payload }) => this.#wakes.emit(channel, payload ?? ''))
    for (const channel of this.#wakes.eventNames()) await client.query(`LISTEN "${String(channel)}"`)
  }

  async listen(
    pool: pg.Pool,
    channel: string,
    wake: (payload: string) => void,
  ): Promise<() => Promise<void>> {
    this.#wakes.on(channel, wake)
    await pool.query(`LISTEN "${channel}"`)
    return async () => {
      this.#wakes.off(channel, wake)
      await pool.query(`UNLISTEN "${channel}"`)
    }
  }
}
