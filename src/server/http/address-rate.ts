import { EaselError } from '../../errors.ts'
import { RateCounter, type RateState } from '../../rate-counter.ts'

/** What a request with a key that does not work counts: guessing is dear, a mistake is not. */
const wrongKeyPoints = 50

export interface AddressRate {
  /** The state of an address that may send nothing more now, else null. */
  usedUp(address: string): RateState | null
  /** Counts a request of this address. Throws RATE_LIMITED. */
  admit(address: string): RateState
  /** Whether this is the first refusal of the address within this minute. */
  noteRefusal(address: string): boolean
  /** Counts a key or token that does not work. */
  noteWrongKey(address: string): void
}

/** How much one address may ask for in a minute, whoever it says it is. */
export function createAddressRate(limit: number, now: () => number): AddressRate {
  const counter = new RateCounter(now)
  const refusals = new RateCounter(now)
  const stateOf = (address: string): RateState => ({
    policy: 'address',
    limit,
    remaining: Math.max(0, limit - counter.points(address)),
    resetMs: counter.resetMs,
  })
  return {
    usedUp: (address) => (counter.points(address) >= limit ? stateOf(address) : null),
    admit(address) {
      if (counter.points(address) >= limit) throw tooManyRequests(counter.resetMs)
      counter.add(address, 1)
      return stateOf(address)
    },
    noteRefusal(address) {
      refusals.add(address, 1)
      return refusals.points(address) === 1
    },
    noteWrongKey: (address) => counter.add(address, wrongKeyPoints),
  }
}

export function tooManyRequests(retryAfterMs: number): EaselError {
  return new EaselError(
    'RATE_LIMITED',
    'This address has sent too many requests within a minute. Send the next one after retryAfterMs.',
    { reason: 'ADDRESS_RATE', retryAfterMs },
  )
}
