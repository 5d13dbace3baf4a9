import type { ProviderFailure } from '../../providers/failure.ts'

/** One retry for so many calls: retries add a fifth at most, as Envoy's retry budgets do by default. */
const callsPerRetry = 5
/** What ten retries cost: so that a gateway with little to do can retry as well. It comes back within this time. */
const freeBudget = 10 * callsPerRetry
const maxBudget = 10 * freeBudget
const refillMs = 60_000
/** How long a retry waits that the budget does not cover. */
const retryPauseMs = 5_000
/** A server that says more than this is not believed: its next answer may say otherwise. */
const maxHoldMs = 3_600_000

/**
 * How fast providers may be called, as this process knows it. A provider that says "not before" is left alone by all
 * operations, not only by the one that was told; and retries stay a small share of the calls, so that a provider in
 * trouble does not get more to do.
 */
export interface ProviderPace {
  /** How long a call of this provider is to wait; 0: now. A call that may go is counted. */
  waitMs(provider: string, options: { isRetry: boolean }): number
  /** How long the provider asked to be left alone, without counting a call. */
  heldMs(provider: string): number
  /** Learns from a failure. */
  failed(provider: string, failure: ProviderFailure): void
}

interface State {
  notBefore: number
  /** Calls that have not been answered for by a retry yet. */
  budget: number
  refilledAt: number
}

export function createProviderPace(options: { uptimeMs: () => number; random: () => number }): ProviderPace {
  const { uptimeMs, random } = options
  const states = new Map<string, State>()

  const stateOf = (provider: string): State => {
    const now = uptimeMs()
    const state = states.get(provider) ?? { notBefore: 0, budget: freeBudget, refilledAt: now }
    const refilled = ((now - state.refilledAt) / refillMs) * freeBudget
    // What calls have earned beyond that is kept; time alone does not go beyond it.
    state.budget = Math.max(state.budget, Math.min(freeBudget, state.budget + refilled))
    state.refilledAt = now
    states.set(provider, state)
    return state
  }
  /** Whoever waited for the same moment does not come at the same moment. */
  const spread = (ms: number) => ms + random() * Math.min(2_000, ms / 10)
  const heldMs = (provider: string) => Math.max(0, stateOf(provider).notBefore - uptimeMs())

  return {
    heldMs,
    waitMs: (provider, { isRetry }) => {
      const state = stateOf(provider)
      const held = heldMs(provider)
      if (held > 0) return spread(held)
      if (!isRetry) {
        state.budget = Math.min(state.budget + 1, maxBudget)
        return 0
      }
      if (state.budget < callsPerRetry) return retryPauseMs * (0.5 + random())
      state.budget -= callsPerRetry
      return 0
    },
    failed: (provider, { mayBePaid, retryAfterMs }) => {
      if (retryAfterMs === null || mayBePaid) return
      const state = stateOf(provider)
      state.notBefore = Math.max(state.notBefore, uptimeMs() + Math.min(retryAfterMs, maxHoldMs))
    },
  }
}
