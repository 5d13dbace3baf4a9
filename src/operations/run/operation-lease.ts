import { setTimeout as timeout } from 'node:timers/promises'
import type { Database } from '../../database/database.ts'
import { channels } from '../../database/notifications.ts'
import { type Claimed, claim, findPassedLease, giveBack, type PassedLease } from '../transitions/leases.ts'
import { LeaseLost } from '../transitions/statement.ts'
import { type HeldLease, LeaseRenewal } from './lease-renewal.ts'

/**
 * The right to act on one operation. It is a time in the operation's row by the database's clock, so that no two
 * processes need to agree on theirs, and an epoch that goes up with every claim: a process that comes back after its
 * lease has passed finds another epoch and changes nothing.
 *
 * A lease that has passed does not prove that its owner is dead: the database may have been away, or its clock may have
 * jumped, and then the owner renews it as soon as it can. So a process that finds one waits for longer than a living
 * owner takes to renew, and takes the operation over only if the lease has not changed.
 *
 * A lease cannot take back bytes that were sent to a provider. A process that was frozen between a commit and the bytes
 * after it would send them on waking, so it also measures the lease by its own clock, which runs while it is frozen and
 * which cannot be set.
 */
export interface Lease {
  readonly operationId: string
  readonly epoch: number
  /** Aborts with {@link LeaseLost} or {@link CancelRequested}. */
  readonly signal: AbortSignal
  /** How long ago, by the database's clock, the operation was claimed for the first time. */
  readonly ageMs: number
  /** How many owners before this one died without giving the operation back. */
  readonly deadOwners: number
  /** Until the operation's deadline by the database's clock; below zero after it. */
  timeLeftMs(): number
  /** Throws {@link LeaseLost} when, by this process's own clock, another process may own the operation. */
  assertHeld(): void
  /** Gives the lease back, unless the end or the delay of the operation has done so already (`isGivenBack`). */
  release(options?: { isGivenBack: boolean }): Promise<void>
}

export class CancelRequested extends Error {
  constructor() {
    super('Somebody asked to cancel this operation')
    this.name = 'CancelRequested'
  }
}

/** An operation as it was found, and the right to act on it. */
export type ClaimedLease = Pick<Claimed, 'operation' | 'attempts' | 'hasAccess' | 'allowedModels'> & {
  lease: Lease
}

export interface Leases {
  /** The lease of an operation that is not finished and that nobody holds, or null. */
  claim(operationId: string, signal: AbortSignal): Promise<ClaimedLease | null>
}

export interface LeasesOptions {
  database: Database
  owner: string
  leaseMs: number
  /** Milliseconds of a clock that never jumps and that runs while the process is stopped. */
  uptimeMs: () => number
  /** Waits; rejects as soon as the signal aborts. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

const pauseByTimer = (ms: number, signal: AbortSignal) => timeout(ms, undefined, { signal })

/** How long after its lease has passed a living owner may still renew it before another process takes the operation. */
const challengeMs = (leaseMs: number) => leaseMs / 2

export function createLeases(options: LeasesOptions): Leases {
  const { database, owner, leaseMs, uptimeMs, pause = pauseByTimer } = options
  const { prisma } = database
  const renewal = new LeaseRenewal(options)

  const take = async (operationId: string, left: PassedLease | null): Promise<ClaimedLease | null> => {
    const claimedAt = uptimeMs()
    const claimed = await claim(prisma, operationId, { owner, leaseMs, left })
    return claimed && { ...claimed, lease: hold(options, renewal, { operationId, ...claimed, claimedAt }) }
  }

  return {
    claim: async (operationId, signal) => {
      const claimed = await take(operationId, null)
      const left = claimed ? null : await findPassedLease(prisma, operationId)
      if (!left) return claimed
      await pause(challengeMs(leaseMs), signal)
      return take(operationId, left)
    },
  }
}

type Claim = Pick<Claimed, 'epoch' | 'timeLeftMs' | 'ageMs' | 'deadOwners'> & {
  operationId: string
  claimedAt: number
}

function hold({ database, leaseMs, uptimeMs }: LeasesOptions, renewal: LeaseRenewal, claim: Claim): Lease {
  const { operationId, epoch, timeLeftMs, ageMs, deadOwners, claimedAt } = claim
  const controller = new AbortController()
  let heldUntil = claimedAt + leaseMs
  const held: HeldLease = {
    operationId,
    epoch,
    onRenewed: (askedAt) => {
      heldUntil = askedAt + leaseMs
    },
    onLost: () => controller.abort(new LeaseLost()),
    onCancel: () => controller.abort(new CancelRequested()),
  }
  renewal.add(held)
  const stopListening = database.notifications.subscribe(channels.cancel, (payload) => {
    if (payload === operationId) held.onCancel()
  })
  return {
    operationId,
    epoch,
    signal: controller.signal,
    ageMs,
    deadOwners,
    timeLeftMs: () => timeLeftMs - (uptimeMs() - claimedAt),
    assertHeld: () => {
      if (uptimeMs() >= heldUntil || controller.signal.reason instanceof LeaseLost) throw new LeaseLost()
    },
    release: async ({ isGivenBack } = { isGivenBack: false }) => {
      stopListening()
      await renewal.remove(held)
      if (!isGivenBack) await giveBack(database.prisma, held)
    },
  }
}
