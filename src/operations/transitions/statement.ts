import { Prisma } from '../../database/generated/client.ts'
import { channels } from '../../database/notifications.ts'
import { type NewEvent, writeEvents } from './new-events.ts'

/** Who may change a running operation: the owner of its lease, by the epoch of the claim. */
export interface Fence {
  readonly operationId: string
  readonly epoch: number
}

/** Another process owns the operation now, or it has ended. Whoever sees this stops without a trace. */
export class LeaseLost extends Error {
  constructor() {
    super('The lease on this operation is no longer held')
    this.name = 'LeaseLost'
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
  /** Where the answer comes from beside `moved`. */
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
