import type { Database, PrismaClient } from '../../database/database.ts'
import { type Operation, Prisma } from '../../database/generated/client.ts'
import type { OpenAttempt } from './attempts.ts'
import type { Fence } from './statement.ts'

/** The columns of an operation that its worker needs. */
export type OpenOperation = Pick<
  Operation,
  | 'id'
  | 'kind'
  | 'status'
  | 'stage'
  | 'userId'
  | 'endUser'
  | 'input'
  | 'provider'
  | 'model'
  | 'createdAt'
  | 'modifiedAt'
  | 'cancelRequestedAt'
>

/** An operation as its new owner found it. */
export interface Claimed {
  operation: OpenOperation
  /** The first one first. */
  attempts: OpenAttempt[]
  epoch: number
  /** Until the operation's deadline by the database's clock; below zero after it. */
  timeLeftMs: number
  /** How long ago, by the database's clock, the operation was claimed for the first time. */
  ageMs: number
  /** How many owners died without giving the operation back. */
  deadOwners: number
  /** Whether the user, and the key that asked for it, may still have something sent. */
  hasAccess: boolean
  /** The models to which the key is limited; empty: to none. */
  allowedModels: string[]
}

/** A lease that its owner did not renew. */
export interface PassedLease {
  epoch: number
  /** As the database writes it, to the microsecond. */
  until: string
}

interface ClaimRow extends OpenOperation, Omit<Claimed, 'operation'> {}

/**
 * Claims an operation without an owner or, with `left`, one whose lease is still exactly that. The new lease counts from
 * when the row was locked, not from when the statement began: a claim may wait for another writer of the row.
 */
export async function claim(
  prisma: PrismaClient,
  operationId: string,
  { owner, leaseMs, left }: { owner: string; leaseMs: number; left: PassedLease | null },
): Promise<Claimed | null> {
  const rows = await prisma.$queryRaw<ClaimRow[]>`
    UPDATE operation
       SET lease_owner = ${owner}, lease_epoch = lease_epoch + 1,
           lease_until = clock_timestamp() + ${milliseconds(leaseMs)},
           dead_owners = dead_owners + (lease_owner IS NOT NULL)::int,
           status = 'RUNNING', started_at = coalesce(started_at, now())
     WHERE id = ${operationId}::uuid AND status IN ('QUEUED', 'RUNNING')
       AND (lease_until IS NULL OR lease_until <= clock_timestamp())
       AND (lease_owner IS NULL
            OR lease_epoch = ${left?.epoch ?? -1} AND lease_until = ${left?.until ?? null}::timestamptz)
    RETURNING lease_epoch AS epoch, extract(epoch FROM deadline_at - now())::float8 * 1000 AS "timeLeftMs",
              extract(epoch FROM now() - started_at)::float8 * 1000 AS "ageMs", dead_owners AS "deadOwners",
              id, kind::text, status::text, stage, user_id AS "userId", end_user AS "endUser", input, provider, model,
              created_at AS "createdAt", modified_at AS "modifiedAt", cancel_requested_at AS "cancelRequestedAt",
              attempts_of(id) AS attempts, has_access(user_id, api_key_id) AS "hasAccess",
              models_of_key(api_key_id) AS "allowedModels"`
  if (!rows[0]) return null
  const { epoch, timeLeftMs, ageMs, deadOwners, attempts, hasAccess, allowedModels, ...operation } = rows[0]
  return { operation, attempts, epoch, timeLeftMs, ageMs, deadOwners, hasAccess, allowedModels }
}

/** The lease of an owner that did not renew it, or null. */
export async function findPassedLease(
  prisma: PrismaClient,
  operationId: string,
): Promise<PassedLease | null> {
  const rows = await prisma.$queryRaw<PassedLease[]>`
    SELECT lease_epoch AS epoch, lease_until::text AS until FROM operation
     WHERE id = ${operationId}::uuid AND status = 'RUNNING' AND lease_owner IS NOT NULL AND lease_until <= now()`
  return rows[0] ?? null
}

export interface Renewal {
  id: string
  isRenewed: boolean
  isOurs: boolean
  isCancelled: boolean
}

/**
 * Renews all leases of a process. A row that another transaction has locked is skipped: waiting for it would delay the
 * renewal of all others.
 */
export function renewLeases(
  prisma: PrismaClient,
  leases: readonly Fence[],
  leaseMs: number,
): Promise<Renewal[]> {
  const ids = leases.map(({ operationId }) => operationId)
  const epochs = leases.map(({ epoch }) => epoch)
  return prisma.$queryRaw<Renewal[]>`
    WITH held AS (SELECT * FROM unnest(${ids}::uuid[], ${epochs}::int[]) AS held (id, epoch)),
         free AS (
           SELECT o.id FROM operation o JOIN held ON held.id = o.id AND held.epoch = o.lease_epoch
            WHERE o.status = 'RUNNING' AND o.lease_owner IS NOT NULL
              FOR UPDATE OF o SKIP LOCKED),
         renewed AS (
           UPDATE operation o SET lease_until = clock_timestamp() + ${milliseconds(leaseMs)}
             FROM free WHERE o.id = free.id
           RETURNING o.id)
    SELECT held.id, held.id IN (SELECT id FROM renewed) AS "isRenewed",
           coalesce(o.lease_epoch = held.epoch AND o.status = 'RUNNING' AND o.lease_owner IS NOT NULL, false) AS "isOurs",
           coalesce(o.cancel_requested_at IS NOT NULL, false) AS "isCancelled"
      FROM held LEFT JOIN operation o ON o.id = held.id`
}

/** Any process may claim the operation at once. One that was put off keeps its time before which none may. */
export async function giveBack(prisma: PrismaClient, { operationId, epoch }: Fence): Promise<void> {
  await prisma.$executeRaw`
    UPDATE operation SET lease_until = NULL, lease_owner = NULL
     WHERE id = ${operationId}::uuid AND lease_epoch = ${epoch} AND lease_owner IS NOT NULL
       AND status IN ('QUEUED', 'RUNNING')`
}

/** An embedded folder has one owner at a time: at its start every lease is of a dead process. Answers how many. */
export async function freeLeases({ kind, prisma }: Database): Promise<number> {
  if (kind !== 'embedded') return 0
  return prisma.$executeRaw`
    UPDATE operation SET lease_owner = NULL, lease_until = NULL, dead_owners = dead_owners + 1
     WHERE status IN ('QUEUED', 'RUNNING') AND lease_owner IS NOT NULL`
}

const milliseconds = (ms: number) => Prisma.sql`${`${ms} milliseconds`}::interval`
