import { EaselError } from '../../errors.ts'
import { RateCounter, type RateState } from '../../rate-counter.ts'

/** What a request with a key that does not work counts: guessing is dear, a mistake is not. */
const wrongKeyPoints = 50

export interface AddressRate {
  /** Counts a request of this address, before anything else is done for it. Throws RATE_LIMITED. */
  admit(address: string): RateState
  /** Counts a key or token that does not work. */
  noteWrongKey(address: string): void
}

/** How much one address may ask for in a minute, whoever it says it is. */
export function createAddressRate(limit: number, now: () => number): AddressRate {
  const counter = new RateCounter(now)
  return {
    admit(address) {
      const used = counter.points(address)
      const { resetMs } = counter
      if (used >= limit) throw tooManyRequests(resetMs)
      counter.add(address, 1)
      return { policy: 'address', limit, remaining: limit - used - 1, resetMs }
    },
    noteWrongKey: (address) => counter.add(address, wrongKeyPoints),
  }
}

function tooManyRequests(retryAfterMs: number): EaselError {
  return new EaselError(
    'RATE_LIMITED',
    'This address has sent too many requests within a minute. Send the next one after retryAfterMs.',
    { reason: 'ADDRESS_RATE', retryAfterMs },
  )
}
