import { type RateState, rateMinuteMs } from '../../rate-counter.ts'

/** The headers of the draft "RateLimit header fields for HTTP": what is left, and of how much. */
export function rateHeaders(rate: RateState | null): [name: string, value: string][] {
  if (!rate) return []
  const { policy, limit, remaining, resetMs } = rate
  return [
    ['ratelimit-policy', `"${policy}";q=${limit};w=${rateMinuteMs / 1000}`],
    ['ratelimit', `"${policy}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`],
  ]
}
