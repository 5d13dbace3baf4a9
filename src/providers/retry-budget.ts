/** One retry for so many calls: retries add a fifth at most, as Envoy's retry budgets do by default. */
const callsPerRetry = 5
/** The price of ten retries, so that a gateway with little to do can retry as well. It comes back within `refillMs`. */
const freeBudget = 10 * callsPerRetry
const maxBudget = 10 * freeBudget
const refillMs = 60_000

/** Keeps retries a small share of the calls, so that a provider in trouble does not get more to do. */
export class RetryBudget {
  readonly #uptimeMs: () => number
  /** Counted in calls: each call adds one, each retry takes `callsPerRetry`. */
  #calls = freeBudget
  #refilledAt: number

  constructor(uptimeMs: () => number) {
    this.#uptimeMs = uptimeMs
    this.#refilledAt = uptimeMs()
  }

  /** Counts a call or a retry; false for a retry that the budget does not cover. */
  take({ isRetry }: { isRetry: boolean }): boolean {
    this.#refill()
    if (!isRetry) {
      this.#calls = Math.min(this.#calls + 1, maxBudget)
      return true
    }
    if (this.#calls < callsPerRetry) return false
    this.#calls -= callsPerRetry
    return true
  }

  /** Time fills the free budget, and never takes away what calls have added above it. */
  #refill(): void {
    const now = this.#uptimeMs()
    const refilled = ((now - this.#refilledAt) / refillMs) * freeBudget
    this.#calls = Math.max(this.#calls, Math.min(freeBudget, this.#calls + refilled))
    this.#refilledAt = now
  }
}
