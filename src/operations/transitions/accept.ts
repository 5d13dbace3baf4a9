import { type Operation, Prisma } from '../../database/generated/client.ts'
import { statusEvent } from './new-events.ts'
import { tryTransit } from './statement.ts'

/** Everything that acceptance writes. */
export interface NewOperation {
  row: Pick<
    Operation,
    'id' | 'kind' | 'userId' | 'endUser' | 'apiKeyId' | 'requestId' | 'fingerprint' | 'provider' | 'model'
  > & { input: Prisma.InputJsonObject }
  at: Date
  timeoutMs: number
  /** How many operations of the user may be unfinished, this one included; null: any number. */
  mostUnfinished: number | null
  /** The source images: new ones that are written with the operation, and ones that Easel already has. */
  sources: { written: Prisma.Sql | null; named: readonly NamedImage[] }
  /** SQL expressions that write its budget reservation and its job. */
  reserving: Prisma.Sql
  sending: Prisma.Sql
}

/** The turn of the operation that is being accepted, for the job. */
export const acceptedTurn = Prisma.sql`moved.turn`

export interface NamedImage {
  role: 'INPUT' | 'MASK'
  position: number
  imageId: string
}

/**
 * Accepts an operation: its row, its sources, its budget reservation, its first event and its job, all of them or none.
 * Null where the user has used the request id for an operation of this kind.
 */
export async function accept(
  client: Pick<Prisma.TransactionClient, '$queryRaw'>,
  { row, at, timeoutMs, mostUnfinished, sources, reserving, sending }: NewOperation,
): Promise<Operation | null> {
  const { id, kind, userId, endUser, apiKeyId, requestId, fingerprint, input, provider, model } = row
  // The deadline is by the database's clock, like the lease: processes whose clocks differ still mean the same moment.
  const moved = Prisma.sql`
    INSERT INTO operation (id, kind, user_id, end_user, api_key_id, request_id, fingerprint, input, provider, model,
      created_at, modified_at, deadline_at, last_sequence, turn)
    VALUES (${id}::uuid, ${kind}::"OperationKind", ${userId}::uuid, ${endUser}, ${apiKeyId}::uuid, ${requestId}, ${fingerprint},
      ${JSON.stringify(input)}::jsonb, ${provider}, ${model}, ${at}, ${at},
      now() + ${`${timeoutMs} milliseconds`}::interval, 1, next_turn(${userId}::uuid))
    ON CONFLICT (user_id, kind, request_id) DO NOTHING RETURNING *`
  const place = Prisma.sql`take_place(${userId}::uuid, ${mostUnfinished}::int)::text`
  const answer = await tryTransit<{ deadlineAt: Date; turn: number }>(client, {
    moved,
    parts: {
      ...(sources.written && { recorded: sources.written, recorded_sources: linkRecorded }),
      ...(sources.named.length > 0 && { named_sources: linkNamed(sources.named) }),
    },
    events: { list: [statusEvent('QUEUED', 'QUEUED')], at },
    answer: Prisma.sql`moved.deadline_at AS "deadlineAt", moved.turn, ${place} AS place, ${reserving} AS reserved,
      ${sending} AS job`,
  })
  return (
    answer && {
      ...queued,
      ...row,
      input: input as Prisma.JsonObject,
      ...answer,
      createdAt: at,
      modifiedAt: at,
    }
  )
}

/** The defaults that the database gives to a new row. */
const queued = {
  status: 'QUEUED',
  stage: 'QUEUED',
  error: null,
  response: null,
  startedAt: null,
  finishedAt: null,
  cancelRequestedAt: null,
  imagesDeletedAt: null,
  leaseOwner: null,
  leaseEpoch: 0,
  leaseUntil: null,
  deadOwners: 0,
  lastSequence: 1,
} as const

const linkRecorded = Prisma.sql`
  INSERT INTO operation_source (operation_id, role, position, image_id)
  SELECT moved.id, recorded.role, recorded.position, recorded.id FROM moved CROSS JOIN recorded`

function linkNamed(named: readonly NamedImage[]): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO operation_source (operation_id, role, position, image_id)
    SELECT moved.id, s.role::"ImageRole", s.position, s."imageId"
      FROM moved CROSS JOIN jsonb_to_recordset(${JSON.stringify(named)}::jsonb)
             AS s (role text, position int, "imageId" uuid)`
}
