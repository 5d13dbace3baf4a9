import type { ProviderFailure } from '../../providers/failure.ts'

const maxAttempts = 6
const firstBackoffMs = 500
const maxBackoffMs = 30_000

export interface TrySituation {
  /** The number of the attempt that just failed, from 1. */
  attempt: number
  /** How many providers serve the model: the next one is asked at once. */
  alternatives: number
  /** Until the operation's deadline. */
  timeLeftMs: number
  random: () => number
}

/**
 * How long to wait before a provider is called again, or null: the operation has failed. Only a call that provably
 * never left, or that the provider documents as refused before it ran, may be followed by another; anything else might
 * be paid twice. A fault of one provider alone, such as its key or its credit, does not stop the next provider from being
 * asked. A provider's Retry-After is never shortened: if it ends after the deadline, there is no other try.
 */
export function planNextTry(failure: ProviderFailure, situation: TrySituation): number | null {
  const { attempt, alternatives, timeLeftMs, random } = situation
  const anotherProviderIsLeft = attempt % alternatives !== 0
  const maySend = anotherProviderIsLeft ? failure.maySendElsewhere : failure.maySendAgain
  if (!maySend || attempt >= maxAttempts) return null
  const waitMs = anotherProviderIsLeft ? 0 : backoffMs(Math.floor(attempt / alternatives), failure, random)
  return waitMs < timeLeftMs ? waitMs : null
}

function backoffMs(round: number, { retryAfterMs }: ProviderFailure, random: () => number): number {
  const jittered = Math.min(maxBackoffMs, firstBackoffMs * 2 ** (round - 1)) * (0.5 + random() / 2)
  return retryAfterMs === null ? jittered : retryAfterMs + jittered / 10
}
