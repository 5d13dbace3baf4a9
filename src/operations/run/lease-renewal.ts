import type { Database } from '../../database/database.ts'
import { type Renewal, renewLeases } from '../transitions/leases.ts'

/** A lease of this process, and what it wants to hear of it. */
export interface HeldLease {
  readonly operationId: string
  readonly epoch: number
  /** Called after a renewal, with the time at which its statement began, by this process's own clock. */
  onRenewed(askedAt: number): void
  /** Called when another process owns the operation, or when it has ended. */
  onLost(): void
  onCancel(): void
}

export interface LeaseRenewalOptions {
  database: Database
  leaseMs: number
  uptimeMs: () => number
}

/** A living owner renews its leases this often, */
const renewMs = (leaseMs: number) => leaseMs / 3
/** and tries again this soon where it could not. */
const renewAgainMs = (leaseMs: number) => Math.min(1_000, leaseMs / 10)

/**
 * The heartbeat of a process: one statement renews all its leases. If the database stays away they pass by themselves.
 * A reply that is being received goes on, since it is paid for, and the check inside each transaction decides.
 */
export class LeaseRenewal {
  readonly #options: LeaseRenewalOptions
  readonly #held = new Map<string, HeldLease>()
  #timer: NodeJS.Timeout | undefined
  #renewing: Promise<void> = Promise.resolve()

  constructor(options: LeaseRenewalOptions) {
    this.#options = options
  }

  add(lease: HeldLease): void {
    this.#held.set(lease.operationId, lease)
    this.#timer ??= this.#in(renewMs(this.#options.leaseMs))
  }

  /** Resolves when no statement is under way any more that could renew it. */
  async remove(lease: HeldLease): Promise<void> {
    if (this.#held.get(lease.operationId) === lease) this.#held.delete(lease.operationId)
    if (this.#held.size === 0) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
    await this.#renewing
  }

  #in(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#renewing = this.#renewAll().then((nextMs) => {
        this.#timer = this.#held.size > 0 ? this.#in(nextMs) : undefined
      })
    }, ms)
  }

  /** Returns how long to wait until the next renewal, in milliseconds. */
  async #renewAll(): Promise<number> {
    const { database, leaseMs, uptimeMs } = this.#options
    const leases = [...this.#held.values()]
    const askedAt = uptimeMs()
    const renewals = await renewLeases(database.prisma, leases, leaseMs).catch(() => [])
    const byId = new Map(renewals.map((renewal) => [renewal.id, renewal]))
    const states = leases.map((lease) => tell(lease, byId.get(lease.operationId), askedAt))
    return states.includes('unknown') ? renewAgainMs(leaseMs) : renewMs(leaseMs)
  }
}

function tell(lease: HeldLease, renewal: Renewal | undefined, askedAt: number): 'known' | 'unknown' {
  if (!renewal) return 'unknown'
  if (renewal.isCancelled) lease.onCancel()
  if (renewal.isRenewed) lease.onRenewed(askedAt)
  else if (renewal.isOurs) return 'unknown'
  else lease.onLost()
  return 'known'
}
