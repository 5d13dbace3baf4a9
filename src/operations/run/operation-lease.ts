import { setTimeout as timeout } from 'node:timers/promises'
import type { Database } from '../../database/database.ts'
import { channels } from '../../database/notifications.ts'
import { type HeldLease, LeaseRenewal } from './lease-renewal.ts'

/**
 * The right to act on one operation. It is a time in the operation's row by the database's clock, so that no two
 * processes need to agree on theirs, and an epoch that goes up with every claim: whoever comes back after its lease
 * has passed finds another epoch and changes nothing.
 *
 * A lease that has passed does not prove that its owner is dead: the database may have been away, or its clock have
 * jumped, and then the owner renews it as soon as it can. So whoever finds one waits for longer than a living owner
 * takes to renew, and takes the operation over only if nothing has moved.
 *
 * What a lease cannot undo is a byte that leaves for a provider. A process that was frozen between a commit and the
 * bytes that follow it would send them on waking, so it also keeps the time itself, by a clock that runs while it is
 * frozen and that nobody sets.
 */
export interface Lease {
  readonly operationId: string
  readonly epoch: number
  /** Aborts with {@link LeaseLost} or {@link CancelRequested}. */
  readonly signal: AbortSignal
  /** How long ago, by the database's clock, the operation was claimed for the first time. */
  readonly ageMs: number
  /** How many processes before this one left it without giving it back. */
  readonly deadOwners: number
  /** Until the operation's deadline by the database's clock; below zero after it. */
  timeLeftMs(): number
  /** Throws {@link LeaseLost} when by this process's own clock somebody else may own the operation. */
  assertHeld(): void
  release(): Promise<void>
}

/** Another process owns the operation now, or it has ended. Whoever sees this stops without a trace. */
export class LeaseLost extends Error {
  constructor() {
    super('The lease on this operation is no longer held')
    this.name = 'LeaseLost'
  }
}

export class CancelRequested extends Error {
  constructor() {
    super('Somebody asked to cancel this operation')
    this.name = 'CancelRequested'
  }
}

export interface Leases {
  /** The lease of an operation that is not finished and that nobody holds, or null. */
  claim(operationId: string, signal: AbortSignal): Promise<Lease | null>
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

/** How long a living owner has to renew a lease that passed before somebody else takes its operation for one that was left. */
const challengeMs = (leaseMs: number) => leaseMs / 2

export function createLeases(options: LeasesOptions): Leases {
  const { database, owner, leaseMs, uptimeMs, pause = pauseByTimer } = options
  const { prisma } = database
  const renewal = new LeaseRenewal(options)

  /**
   * Takes what nobody owns, or, given the lease of an owner that left, what still has that lease. The lease counts from
   * when the row was free, not from when it was asked for: a claim may wait for whoever writes to it.
   */
  const take = async (operationId: string, left: PassedLease | null): Promise<Lease | null> => {
    const claimedAt = uptimeMs()
    const rows = await prisma.$queryRaw<Pick<Claim, 'epoch' | 'timeLeftMs' | 'ageMs' | 'deadOwners'>[]>`
      UPDATE operation
         SET lease_owner = ${owner}, lease_epoch = lease_epoch + 1,
             lease_until = clock_timestamp() + ${`${leaseMs} milliseconds`}::interval,
             dead_owners = dead_owners + (lease_owner IS NOT NULL)::int,
             status = 'RUNNING', started_at = coalesce(started_at, now())
       WHERE id = ${operationId}::uuid AND status IN ('QUEUED', 'RUNNING')
         AND (lease_until IS NULL OR lease_until <= clock_timestamp())
         AND (lease_owner IS NULL
              OR lease_epoch = ${left?.epoch ?? -1} AND lease_until = ${left?.until ?? null}::timestamptz)
      RETURNING lease_epoch AS epoch, extract(epoch FROM deadline_at - now())::float8 * 1000 AS "timeLeftMs",
                extract(epoch FROM now() - started_at)::float8 * 1000 AS "ageMs", dead_owners AS "deadOwners"`
    return rows[0] ? hold(options, renewal, { operationId, ...rows[0], claimedAt }) : null
  }

  const findPassed = async (operationId: string): Promise<PassedLease | null> => {
    const rows = await prisma.$queryRaw<PassedLease[]>`
      SELECT lease_epoch AS epoch, lease_until::text AS until FROM operation
       WHERE id = ${operationId}::uuid AND status = 'RUNNING' AND lease_owner IS NOT NULL AND lease_until <= now()`
    return rows[0] ?? null
  }

  return {
    claim: async (operationId, signal) => {
      const lease = await take(operationId, null)
      const left = lease ? null : await findPassed(operationId)
      if (!left) return lease
      await pause(challengeMs(leaseMs), signal)
      return take(operationId, left)
    },
  }
}

interface PassedLease {
  epoch: number
  /** As the database writes it, to the microsecond. */
  until: string
}

interface Claim {
  operationId: string
  epoch: number
  timeLeftMs: number
  ageMs: number
  deadOwners: number
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
    release: async () => {
      stopListening()
      await renewal.remove(held)
      await giveUp(database, operationId, epoch)
    },
  }
}

/** An operation that was put off has no owner any more, and keeps the time until which nobody may claim it. */
async function giveUp({ prisma }: Database, operationId: string, epoch: number): Promise<void> {
  await prisma.$executeRaw`
    UPDATE operation SET lease_until = NULL, lease_owner = NULL
     WHERE id = ${operationId}::uuid AND lease_epoch = ${epoch} AND lease_owner IS NOT NULL
       AND status IN ('QUEUED', 'RUNNING')`
}
