import { Prisma } from '../../database/generated/client.ts'
import { channels } from '../../database/notifications.ts'
import { type NewEvent, writeEvents } from './new-events.ts'

/*
 * The life of an operation.
 *
 *   QUEUED ──claim──▶ RUNNING ──▶ SUCCEEDED | FAILED | CANCELLED
 *
 * An operation is accepted (accept.ts) in one statement with its budget reservation and its job. A worker that gets the
 * job claims the operation (leases.ts): a lease by the database's clock and an epoch that goes up with each claim. Every
 * later write names that epoch, so a worker that was frozen past its lease changes nothing when it wakes up. Each change
 * of a row stands in this folder, by the words used here, and is one statement:
 *
 *   accept.ts            accept
 *   leases.ts            claim, renewLeases, giveBack, freeLeases
 *   progress.ts          enter, putOff, waitForStorage, leaveToOthers
 *   attempts.ts          prepare, markSent, abandon, addUpstreamJob, markResponded; settled by progress.ts or the end
 *   partial-image.ts     keep
 *   finish-operation.ts  finish
 *
 * Within RUNNING each call of a provider is an attempt, and each arrow below is a commit of its own:
 *
 *   PREPARED ──▶ SENT ──▶ RESPONDED ──▶ SETTLED
 *       └──────────┴──▶ ABANDONED (nothing was sent)
 *
 *   SENT is committed before the first byte of the request leaves. From then on nobody sends this attempt again; only
 *   the process that committed it, if it then did not send, may call it abandoned.
 *   RESPONDED is committed once the reply is whole and synced in the spool; images are kept before that, as they
 *   come. Then one transaction writes what follows from the reply: the terminal state with the usage, the money and
 *   the last events; or that the attempt is settled and another one may be made at some time.
 *
 * What a worker finds when it claims an operation that somebody else left:
 *
 *   no attempt, PREPARED, ABANDONED or SETTLED   nothing paid is open: go on with the next attempt.
 *   SENT, the whole reply in the spool           go on as RESPONDED.
 *   SENT, the upstream's own operation is known  ask the upstream about it; never submit again.
 *   SENT, part of a reply in the spool           read it: it may be complete, only not marked so. One that is cut off
 *                                                ends like the next one.
 *   SENT otherwise                               the outcome is unknown: UPSTREAM_OUTCOME_UNKNOWN. The user is
 *                                                not charged; the house books the estimate as PROVIDER_LOSS.
 *   RESPONDED, the reply in the spool            read the reply again and go on from there.
 *   RESPONDED, no reply                          FAILED with RESULT_LOST, booked like an unknown outcome.
 *
 * A spool is a folder of one machine, and the attempt names it; with S3 complete replies are shared, and the attempt
 * says so. A process with another spool leaves a SENT or RESPONDED attempt to the machine that has the reply, for a
 * while, and shows the stage WAITING_FOR_REPLICA: that machine's process may be alive or about to start, and looks for
 * operations whose replies it has (run/recover-operations.ts). An operation at which process after process dies is
 * given up, so that it does not take the gateway down with every start.
 *
 * A SETTLED attempt is therefore always one that may be followed by another: provably unsent, or documented as refused
 * before it ran (call/next-try.ts). One that is not ends the operation in the same transaction that settles it.
 *
 * Nothing is sent for a user that is disabled, or under a key that is revoked: SENT is committed only while both rows are
 * held (hold_access), so that taking access away comes before it or after it. Such an operation ends FAILED with
 * ACCESS_REVOKED, and not CANCELLED: nobody asked for its end, and its follower is told why. What was SENT goes on.
 *
 * A client that disconnects changes nothing. A cancel aborts the call; the operation ends CANCELLED unless its images
 * had been read to the end by then. An error of Easel's own (no database, a full disk) leaves the operation as it is
 * and puts it off: its next owner goes on from that state. A process that shuts down gives back what it cannot end.
 */

/** Who may change a running operation: the owner of its lease, by the epoch of the claim. */
export interface Fence {
  readonly operationId: string
  readonly epoch: number
}

/** Another process owns the operation now, or it has ended. The worker that gets this stops and writes nothing. */
export class LeaseLost extends Error {
  constructor() {
    super('The lease on this operation is no longer held')
    this.name = 'LeaseLost'
  }
}

/** The user, or the key that asked for it, has lost its access: the attempt was not marked as sent. */
export class AccessLost extends Error {
  constructor() {
    super('Whoever asked for this operation has no access any more')
    this.name = 'AccessLost'
  }
}

/** The condition of every change of a running operation's row. */
export function underLease({ operationId, epoch }: Fence): Prisma.Sql {
  return Prisma.sql`operation.id = ${operationId}::uuid AND operation.lease_epoch = ${epoch}
    AND operation.status = 'RUNNING'`
}

export interface Transition {
  /** The change of the operation's row. It returns the row, which the parts know as `moved`. */
  moved: Prisma.Sql
  /** What follows from it, each by the name under which later parts know what it returns. */
  parts?: Record<string, Prisma.Sql>
  /** The last events of the moved row: its `last_sequence` counts them already. */
  events?: { list: readonly NewEvent[]; at: Date; images?: Prisma.Sql }
  /** Further columns of the answer, from `moved` and the parts. */
  answer?: Prisma.Sql
  /** The parts that the answer reads beside `moved`. */
  from?: Prisma.Sql
}

/**
 * One transition, one statement: the row moves or nothing happens, and everything that follows is in the same round
 * trip. Throws {@link LeaseLost} where the row did not move.
 */
export async function transit<Answer extends object = object>(
  client: Pick<Prisma.TransactionClient, '$queryRaw'>,
  transition: Transition,
): Promise<Answer> {
  const answer = await tryTransit<Answer>(client, transition)
  if (!answer) throw new LeaseLost()
  return answer
}

/** The same; null where the row did not move. */
export async function tryTransit<Answer extends object = object>(
  client: Pick<Prisma.TransactionClient, '$queryRaw'>,
  { moved, parts = {}, events, answer, from }: Transition,
): Promise<Answer | null> {
  const named = { ...parts, ...(events && { told: writeEvents(events) }) }
  const others = Object.entries(named).map(([name, part]) => Prisma.sql`, ${Prisma.raw(name)} AS (${part})`)
  const rows = await client.$queryRaw<Answer[]>`
    WITH moved AS (${moved})${Prisma.join(others.length > 0 ? others : [Prisma.empty], '')}
    SELECT ${events ? notification : Prisma.sql`1 AS told`}${answer ? Prisma.sql`, ${answer}` : Prisma.empty}
      FROM moved ${from ?? Prisma.empty}`
  return rows[0] ?? null
}

const notification = Prisma.sql`pg_notify(${channels.event}, moved.id::text)::text AS told`
