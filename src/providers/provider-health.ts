import type { ProviderReason } from '../reasons/reasons.ts'
import { ProviderFailure } from './failure.ts'
import { RetryBudget } from './retry-budget.ts'

/*
 * HEALTHY  calls start at once.
 * WAITING  the provider said "not before": no call of any operation starts until then. This is no failure: the
 *          provider is there.
 * OPEN     the provider failed too often in a row: no call starts until a pause is over. Then one real call is the
 *          trial, because a call made up for it would cost money. Its end closes the break, or begins another pause.
 *
 * A break and a wait can hold at once. Then calls start after the later of the two, and an answer that closes the break
 * leaves the wait as it is.
 */

/** What is known of a provider, as plain values. Times are those of the clock `uptimeMs`. */
export interface Health {
  state: 'HEALTHY' | 'WAITING' | 'OPEN'
  sinceMs: number
  /** No call starts before. Null for a healthy provider. */
  untilMs: number | null
  /** Of the failure that led to the state. Null for a healthy provider. */
  reason: ProviderReason | null
  /** Failures of the provider in a row. */
  failures: number
}

/** Why a call may not start now, and after how long to ask again. */
export interface Hold {
  why: 'WAITING' | 'OPEN' | 'TOO_MANY_RETRIES'
  ms: number
}

/** One call that may start. It says at most once how it ended, and is disposed of in any case. */
export interface Passage extends Disposable {
  succeeded(): void
  failed(error: unknown): void
}

export interface ProviderHealthOptions {
  /** How many failures in a row begin a break, and how long its pause is. */
  maxFailures: number
  pauseMs: number
  /** Milliseconds of a clock that never jumps. */
  uptimeMs(): number
  random(): number
  /** Called when the state or its end has changed. A wait that is over is noticed by the next call. */
  onChange(health: Health): void
}

interface Obstacle {
  untilMs: number
  reason: ProviderReason
}

/** A provider that says more than this is not believed: its next answer may say otherwise. */
const maxWaitMs = 3_600_000
/** A trial can take minutes. The calls that wait for its end ask again this often. */
const trialPauseMs = 5_000
/** How long a retry waits, on average, that the budget does not cover. */
const retryPauseMs = 5_000

/** Whether a provider may be called, as this process knows it: it hears the end of every call. */
export class ProviderHealth {
  readonly #options: ProviderHealthOptions
  readonly #retries: RetryBudget
  #failures = 0
  #break: Obstacle | null = null
  #wait: Obstacle | null = null
  #trial: Passage | null = null
  #told: Health

  constructor(options: ProviderHealthOptions) {
    this.#options = options
    this.#retries = new RetryBudget(options.uptimeMs)
    this.#told = { ...this.#judge(), sinceMs: options.uptimeMs(), failures: 0 }
  }

  /** As it is now; the end of a wait is noticed here before a call tells it. */
  describe(): Health {
    const judged = this.#judge()
    const told = this.#told
    if (judged.state === told.state) return { ...told, failures: this.#failures }
    return { ...judged, sinceMs: told.untilMs ?? this.#options.uptimeMs(), failures: this.#failures }
  }

  /** What is in the way of a call, without counting one. */
  hold(): Hold | null {
    const breakEndMs = this.#break?.untilMs ?? 0
    const waitEndMs = this.#wait?.untilMs ?? 0
    const ms = Math.max(breakEndMs, waitEndMs) - this.#options.uptimeMs()
    if (ms > 0) return { why: breakEndMs >= waitEndMs ? 'OPEN' : 'WAITING', ms }
    return this.#trial ? { why: 'OPEN', ms: trialPauseMs } : null
  }

  /** A call that may start is counted, and is the trial if there is a break. */
  enter({ isRetry }: { isRetry: boolean }): Passage | Hold {
    const { random } = this.#options
    this.#tell()
    const hold = this.hold()
    // Calls that waited for the same moment do not all start at that moment.
    if (hold) return { ...hold, ms: hold.ms + random() * Math.min(2_000, hold.ms / 10) }
    if (!this.#retries.take({ isRetry })) {
      return { why: 'TOO_MANY_RETRIES', ms: retryPauseMs * (0.5 + random()) }
    }
    const passage = this.accompany()
    if (this.#break) this.#trial = passage
    return passage
  }

  /** For questions about a call that is paid for already: they are never held back, and are no trial. */
  accompany(): Passage {
    const passage: Passage = {
      succeeded: () => {
        this.#close()
        this.#tell()
      },
      failed: (error) => {
        if (error instanceof ProviderFailure) this.#learn(passage, error)
      },
      [Symbol.dispose]: () => {
        if (this.#trial === passage) this.#trial = null
      },
    }
    return passage
  }

  #learn(passage: Passage, failure: ProviderFailure): void {
    if (isProvidersFault(failure)) this.#count(passage, failure)
    else if (isAnswer(failure)) this.#close()
    if (!failure.mayBePaid && failure.retryAfterMs !== null) this.#waitFor(failure.retryAfterMs, failure)
    this.#tell()
  }

  #count(passage: Passage, { reason }: ProviderFailure): void {
    const { maxFailures, pauseMs, uptimeMs } = this.#options
    this.#failures += 1
    // A call that started before the break says nothing new when it fails.
    const isPaused = this.#break ? this.#trial === passage : this.#failures >= maxFailures
    if (isPaused) this.#break = { untilMs: uptimeMs() + pauseMs, reason }
  }

  #close(): void {
    this.#failures = 0
    this.#break = null
    this.#trial = null
  }

  /** A shorter word does not take back a longer one. */
  #waitFor(ms: number, { reason }: ProviderFailure): void {
    const now = this.#options.uptimeMs()
    const untilMs = now + Math.min(ms, maxWaitMs)
    if (untilMs > (this.#wait?.untilMs ?? now)) this.#wait = { untilMs, reason }
  }

  #tell(): void {
    const { state, untilMs, reason } = this.#judge()
    const told = this.#told
    if (state === told.state && untilMs === told.untilMs) return
    const sinceMs = state === told.state ? told.sinceMs : this.#options.uptimeMs()
    this.#told = { state, sinceMs, untilMs, reason, failures: this.#failures }
    this.#options.onChange(this.#told)
  }

  #judge(): Pick<Health, 'state' | 'untilMs' | 'reason'> {
    const wait = this.#wait
    if (this.#break) {
      const { untilMs, reason } = this.#break
      return { state: 'OPEN', untilMs: Math.max(untilMs, wait?.untilMs ?? 0), reason }
    }
    if (wait && wait.untilMs > this.#options.uptimeMs()) return { state: 'WAITING', ...wait }
    return { state: 'HEALTHY', untilMs: null, reason: null }
  }
}

/** A refusal of one request, a cancelled call or an error of our own says nothing about the provider. */
function isProvidersFault({ reason }: ProviderFailure): boolean {
  return reason === 'UPSTREAM_UNAVAILABLE' || reason === 'UPSTREAM_OUTCOME_UNKNOWN'
}

/** The provider is there, and said no. */
function isAnswer({ certainty }: ProviderFailure): boolean {
  return certainty === 'REFUSED' || certainty === 'FAILED'
}
