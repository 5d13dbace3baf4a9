import pg from 'pg'
import { type Channel, channels, type NotificationHub } from './notifications.ts'

const reconnectMs = 1_000
/** A connection can be dead without an error, for example after a fail-over, so it is checked this often, */
const heartbeatMs = 10_000
/** and has this long to answer. */
const answerMs = 5_000

export interface NotificationListener {
  close(): Promise<void>
}

export interface ListenerOptions {
  url: string
  hub: NotificationHub
  onError: (error: Error) => void
}

/** Keeps one connection that listens. When it breaks, it tries to connect again until that works. */
export async function startListener(options: ListenerOptions): Promise<NotificationListener> {
  const listener = new Listener(options)
  await listener.connect()
  return listener
}

class Listener implements NotificationListener {
  readonly #options: ListenerOptions
  #client: pg.Client | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  async connect(): Promise<void> {
    const { url, hub, onError } = this.#options
    const client = new pg.Client({
      connectionString: url,
      application_name: 'easel-events',
      keepAlive: true,
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
    })
    client.on('error', onError)
    client.on('notification', ({ channel, payload }) => hub.publish(channel as Channel, payload ?? ''))
    client.on('end', () => this.#after(reconnectMs, () => this.connect()))
    this.#client = client
    await client.connect()
    for (const channel of Object.values(channels)) await client.query(`LISTEN ${channel}`)
    this.#after(heartbeatMs, () => this.#beat(client))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#client?.end()
  }

  async #beat(client: pg.Client): Promise<void> {
    try {
      await client.query('SELECT 1')
      this.#after(heartbeatMs, () => this.#beat(client))
    } catch (error) {
      // Ending a connection with a statement under way closes its socket, and `end` begins the next one.
      await client.end()
      throw error
    }
  }

  #after(ms: number, work: () => Promise<void>): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#timer = setTimeout(() => work().catch(this.#options.onError), ms)
  }
}
