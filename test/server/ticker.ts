/** A source of events that counts who listens. */
export class Ticker {
  listeners = 0
  produced = 0
  /** Of the subscriptions, in the order in which they were asked for. */
  readonly signals: AbortSignal[] = []
  readonly #wakers = new Set<() => void>()
  #events: string[] = []

  emit(event: string): void {
    this.#events.push(event)
    for (const wake of this.#wakers) wake()
  }

  async *listen(signal: AbortSignal): AsyncGenerator<string> {
    this.listeners += 1
    let at = 0
    const wakeOnAbort = () => wake()
    let wake: () => void = () => {}
    signal.addEventListener('abort', wakeOnAbort)
    const waker = () => wake()
    this.#wakers.add(waker)
    try {
      while (!signal.aborted) {
        const event = this.#events[at]
        if (event === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          continue
        }
        at += 1
        if (event === 'end') return
        if (event === 'fail') throw new Error('the source broke: canary-secret')
        this.produced += 1
        yield event
      }
    } finally {
      this.listeners -= 1
      this.#wakers.delete(waker)
      signal.removeEventListener('abort', wakeOnAbort)
    }
  }
}
