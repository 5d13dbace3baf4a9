import { ProviderFailure } from './failure.ts'

/*
 * CLOSED     calls pass. So many failures of the provider in a row open it.
 * OPEN       calls fail at once, unsent, until the pause is over.
 * HALF_OPEN  one real call passes: a trial of its own would cost money. Its end closes it, or opens it again.
 */

export interface CircuitBreaker {
  /** Throws when the provider is not to be called now. */
  enter(): Passage
  /** For questions about a call that is paid for already: they are never held back. */
  accompany(): Passage
}

/** One call that was let through. It ends by `left`, after at most one word on how it went. */
export interface Passage {
  succeeded(): void
  failed(error: unknown): void
  left(): void
}

export interface CircuitBreakerOptions {
  maxFailures: number
  pauseMs: number
  now(): Date
  onOpen?(failures: number): void
}

export function createCircuitBreaker({
  maxFailures,
  pauseMs,
  now,
  onOpen,
}: CircuitBreakerOptions): CircuitBreaker {
  let failures = 0
  let openUntil: number | null = null
  let isTrying = false

  const close = () => {
    failures = 0
    openUntil = null
  }
  const refuse = (retryAfterMs: number) =>
    new ProviderFailure({
      certainty: 'UNSENT',
      reason: 'UPSTREAM_UNAVAILABLE',
      retryAfterMs,
      upstreamCode: 'CIRCUIT_OPEN',
    })

  const pass = ({ isTrial }: { isTrial: boolean }): Passage => ({
    succeeded: close,
    failed: (error) => {
      if (isAnswer(error)) close()
      if (!isProvidersFault(error)) return
      failures += 1
      if (failures < maxFailures && !isTrial) return
      openUntil = now().getTime() + pauseMs
      onOpen?.(failures)
    },
    left: () => {
      if (isTrial) isTrying = false
    },
  })

  return {
    enter: () => {
      const isTrial = openUntil !== null
      if (openUntil !== null) {
        const leftMs = openUntil - now().getTime()
        if (leftMs > 0 || isTrying) throw refuse(Math.max(leftMs, 1000))
        isTrying = true
      }
      return pass({ isTrial })
    },
    accompany: () => pass({ isTrial: false }),
  }
}

/** A refusal of one request, a cancelled call or an error of our own says nothing about the provider. */
function isProvidersFault(error: unknown): boolean {
  return (
    error instanceof ProviderFailure &&
    ['UPSTREAM_UNAVAILABLE', 'UPSTREAM_OUTCOME_UNKNOWN'].includes(error.reason)
  )
}

/** The provider is there, and said no. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof ProviderFailure) || isProvidersFault(error)) return false
  return error.certainty === 'REFUSED' || error.certainty === 'FAILED'
}
