import type { Logger } from 'pino'

export interface StorageHealthOptions {
  /** Rejects when the storage does not work. `failedBytes` is the size of the image that it did not take, or 0. */
  probe(failedBytes: number): Promise<unknown>
  /** Milliseconds of a clock that never jumps. */
  uptimeMs(): number
  log: Pick<Logger, 'warn' | 'error'>
}

/** How long a failure counts before the storage is tried again. Work goes on as soon as it works. */
const downMs = 2_000
/** A storage that does not answer within this time does not work. */
const probeTimeoutMs = 5_000

/**
 * Whether images can be kept. Each write shows it; where the last write was long ago, a question starts a probe. After a
 * failed write the storage counts as down until another write succeeds.
 */
export class StorageHealth {
  readonly #options: StorageHealthOptions
  #isUp = true
  #checkedAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #failedBytes = 0
  #probing: Promise<boolean> | null = null

  constructor(options: StorageHealthOptions) {
    this.#options = options
  }

  async isUp(maxAgeMs: number): Promise<boolean> {
    const ageMs = this.#options.uptimeMs() - this.#checkedAt
    if (ageMs < (this.#isUp ? maxAgeMs : downMs)) return this.#isUp
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = null
    })
    return this.#probing
  }

  noteWritten(): void {
    this.#note(true)
  }

  noteFailed(error: unknown, byteSize = 0): void {
    this.#failures++
    this.#failedBytes = byteSize
    this.#note(false, error)
  }

  /** An error that says nothing about writing: the next question starts a probe instead of using the last answer. */
  doubt(): void {
    this.#checkedAt = Number.NEGATIVE_INFINITY
  }

  async #probe(): Promise<boolean> {
    const { probe } = this.#options
    const failures = this.#failures
    try {
      await withinTime(probe(this.#isUp ? 0 : this.#failedBytes))
      // A write that failed meanwhile counts more than a probe by reading that succeeded.
      if (failures === this.#failures) this.#note(true)
    } catch (error) {
      this.#note(false, error)
    }
    return this.#isUp
  }

  #note(isUp: boolean, error?: unknown): void {
    this.#checkedAt = this.#options.uptimeMs()
    if (isUp) this.#failedBytes = 0
    if (isUp === this.#isUp) return
    this.#isUp = isUp
    if (isUp) this.#options.log.warn('the storage of the images works again')
    else this.#options.log.error({ err: error }, 'the storage of the images does not work: paid work waits')
  }
}

async function withinTime(probing: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('The storage does not answer')), probeTimeoutMs)
  try {
    await Promise.race([probing, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
