import { EaselError } from '../../errors.ts'

/** Bytes that answers of each user give in base64 and that are not sent yet. */
export class InlineBudget {
  readonly #maxBytes: number
  readonly #held = new Map<string, number>()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  take(userId: string, bytes: number): void {
    const held = (this.#held.get(userId) ?? 0) + bytes
    if (held > this.#maxBytes) {
      throw new EaselError('RATE_LIMITED', 'Too many images in base64 wait to be read by this user.', {
        reason: 'BASE64_BUSY',
        allowed: { maxBytes: this.#maxBytes },
        actual: { bytes: held },
        hint: 'USE_URL',
        retryAfterMs: 1_000,
      })
    }
    this.#held.set(userId, held)
  }

  give(userId: string, bytes: number): void {
    const held = (this.#held.get(userId) ?? 0) - bytes
    if (held > 0) this.#held.set(userId, held)
    else this.#held.delete(userId)
  }
}
