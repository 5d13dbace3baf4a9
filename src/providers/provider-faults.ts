import type { ProviderReason } from '../reasons/reasons.ts'
import { ProviderFailure } from './failure.ts'

/**
 * What a provider refused for a fault of its own: its key, its credit, or a model that it does not have. Such a fault
 * stops no call, for the operator may have mended it; the providers without one are asked first for a while.
 */
export interface Fault {
  reason: ProviderReason
  /** The model that is missing. Null where the fault is the provider's as a whole. */
  model: string | null
  sinceMs: number
  /** Others are asked first until then. */
  untilMs: number
}

export interface ProviderFaultsOptions {
  /** How long others are asked first. */
  pauseMs: number
  /** Milliseconds of a clock that never jumps. */
  uptimeMs(): number
  /** Called when a fault is there that was not, and when it is gone. */
  onChange(fault: Fault, change: 'FOUND' | 'GONE'): void
}

/** The faults of one provider, as this process knows them: each stays until a call that it would have stopped succeeds. */
export class ProviderFaults {
  readonly #options: ProviderFaultsOptions
  readonly #faults = new Map<string | null, Fault>()

  constructor(options: ProviderFaultsOptions) {
    this.#options = options
  }

  list(): Fault[] {
    return [...this.#faults.values()]
  }

  /** For how long other providers of this model are asked first; 0 where there is no reason to. */
  doubtMs(model: string): number {
    const untilMs = [null, model].map((key) => this.#faults.get(key)?.untilMs ?? 0)
    return Math.max(0, Math.max(...untilMs) - this.#options.uptimeMs())
  }

  succeeded(model: string): void {
    for (const key of [null, model]) {
      const fault = this.#faults.get(key)
      if (this.#faults.delete(key) && fault) this.#options.onChange(fault, 'GONE')
    }
  }

  failed(error: unknown, model: string): void {
    if (!(error instanceof ProviderFailure) || !error.isOfThisProvider) return
    const { pauseMs, uptimeMs, onChange } = this.#options
    const key = error.reason === 'UPSTREAM_MODEL_NOT_FOUND' ? model : null
    const known = this.#faults.get(key)
    const isKnown = known?.reason === error.reason
    const now = uptimeMs()
    const sinceMs = isKnown ? known.sinceMs : now
    const fault = { reason: error.reason, model: key, sinceMs, untilMs: now + pauseMs }
    this.#faults.set(key, fault)
    if (!isKnown) onChange(fault, 'FOUND')
  }
}
