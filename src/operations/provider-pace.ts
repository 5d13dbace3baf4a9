import type { ProviderFailure } from '../providers/failure.ts'

/** What retries may add to the calls of a provider: a fifth, as Envoy's retry budgets do by default. */
const retryShare = 0.2
/** So that a gateway with little to do can retry as well; it comes back within this time. */
const fewRetries = 10
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
  /** Retries that may still be made. */
  budget: number
  refilledAt: number
}

export function createProviderPace(options: { uptimeMs: () => number; random: () => number }): ProviderPace {
  const { uptimeMs, random } = options
  const states = new Map<string, State>()

  const stateOf = (provider: string): State => {
    const now = uptimeMs()
    const state = states.get(provider) ?? { notBefore: 0, budget: fewRetries, refilledAt: now }
    const refilled = ((now - state.refilledAt) / refillMs) * fewRetries
    // What calls have earned beyond the few is kept; time alone does not go beyond it.
    state.budget = Math.max(state.budget, Math.min(fewRetries, state.budget + refilled))
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
        state.budget = Math.min(state.budget + retryShare, fewRetries * 10)
        return 0
      }
      if (state.budget < 1) return retryPauseMs * (0.5 + random())
      state.budget -= 1
      return 0
    },
    failed: (provider, { certainty, retryAfterMs }) => {
      if (retryAfterMs === null || certainty === 'FAILED' || certainty === 'UNKNOWN') return
      const state = stateOf(provider)
      state.notBefore = Math.max(state.notBefore, uptimeMs() + Math.min(retryAfterMs, maxHoldMs))
    },
  }
}
