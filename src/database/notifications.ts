import { EventEmitter } from 'node:events'

/**
 * Wake-ups from LISTEN/NOTIFY. A notification only says "look again": what happened is always read from a table, so a
 * lost one costs latency and never an event.
 */
export interface Notifications {
  /** Calls `wake` with the payload of each notification on the channel. The returned function cancels this. */
  subscribe(channel: Channel, wake: (payload: string) => void): () => void
}

/** Every channel Easel listens on. Payloads carry ids only, far below NOTIFY's 7,999 bytes. */
export const channels = {
  /** An operation id: it has a new event. */
  event: 'easel_event',
  /** An operation id: cancelling it was requested. */
  cancel: 'easel_cancel',
  /** The id of an API key or of a user: it has not the access any more that it had. */
  revocation: 'easel_revocation',
} as const

export type Channel = (typeof channels)[keyof typeof channels]

export class NotificationHub implements Notifications {
  readonly #emitter = new EventEmitter()

  constructor() {
    // One listener per open subscription: 10,000 are normal, not a leak.
    this.#emitter.setMaxListeners(0)
  }

  subscribe(channel: Channel, wake: (payload: string) => void): () => void {
    this.#emitter.on(channel, wake)
    return () => this.#emitter.off(channel, wake)
  }

  publish(channel: Channel, payload: string): void {
    this.#emitter.emit(channel, payload)
  }
}
