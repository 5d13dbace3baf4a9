import type { PrismaClient } from '../database/database.ts'
import { parseObjectName } from './object-name.ts'
import type { Storage, StoredObject } from './storage.ts'
import { type Lives, renewOwner, type Trust } from './storage-owner.ts'
import { type Fate, fateOf, type OperationFacts, type SweepRules } from './sweep-rules.ts'

export interface SweepOptions {
  readonly prisma: PrismaClient
  readonly storage: Storage
  readonly now: () => Date
  readonly newId: () => string
}

export interface SweepRequest extends Lives {
  readonly signal?: AbortSignal | undefined
}

export type SweepReport = Record<Fate, number> & { trust: Trust }

/** From the beginning of one sweep to the beginning of the next. */
const periodMs = 24 * 3_600_000
/** The lease of a sweep, longer than a page takes: a slow sweep keeps it, a dead process's is taken over after it. */
const leaseMinutes = 15

/**
 * Compares the storage with the rows, page by page, and deletes objects that no row needs. One process does it, once a
 * day. Its position is in the database, so that another process goes on where a killed one was. Null: a sweep is not due,
 * or another process is sweeping.
 */
export async function sweepStorage(
  options: SweepOptions,
  request: SweepRequest,
): Promise<SweepReport | null> {
  const sweep = { ...options, ...request, owner: options.newId() }
  if (!(await claimSweep(sweep))) return null
  try {
    const report = await sweepPages(sweep)
    await endSweep(sweep)
    return report
  } catch (error) {
    await releaseSweep(sweep).catch(() => {})
    throw error
  }
}

type Sweep = SweepOptions & SweepRequest & { owner: string }

async function sweepPages(sweep: Sweep): Promise<SweepReport> {
  const { prisma, storage, now, signal } = sweep
  const { trust, hold } = await renewOwner(sweep)
  const counts: Record<Fate, number> = { dead: 0, named: 0, recent: 0, quarantined: 0, own: 0, foreign: 0 }
  const { sweepCursor } = await prisma.storageOwner.findUniqueOrThrow({ where: { id: 1 } })
  const after = sweepCursor && decodeURIComponent(sweepCursor)
  for await (const page of storage.pages({ after, signal })) {
    signal?.throwIfAborted()
    const fates = await judgePage(prisma, page, { ...sweep, now: now(), hold })
    for (const fate of fates.values()) counts[fate]++
    const dead = page.map(({ key }) => key).filter((key) => fates.get(key) === 'dead')
    if (dead.length > 0) await storage.deleteMany(dead, signal)
    await keepCursor(sweep, page)
  }
  return { ...counts, trust }
}

async function judgePage(
  prisma: PrismaClient,
  page: readonly StoredObject[],
  rules: SweepRules,
): Promise<Map<string, Fate>> {
  const operationOf = new Map<string, string>()
  for (const { key } of page) {
    const name = parseObjectName(key)
    if (name.kind === 'image') operationOf.set(key, name.operationId)
  }
  const known = await readOperations(prisma, [...new Set(operationOf.values())])
  return new Map(
    page.map((object) => [object.key, fateOf(object, known.get(operationOf.get(object.key) ?? ''), rules)]),
  )
}

/** One read for a whole page: each operation by its key, its images by theirs. */
async function readOperations(prisma: PrismaClient, ids: string[]): Promise<Map<string, OperationFacts>> {
  if (ids.length === 0) return new Map()
  const rows = await prisma.$queryRaw<
    { id: string; has_ended: boolean; is_expired: boolean; storage_keys: string[] }[]
  >`
    SELECT o.id, o.finished_at IS NOT NULL AS has_ended, o.images_deleted_at IS NOT NULL AS is_expired,
           ARRAY(SELECT i.storage_key FROM image i WHERE i.operation_id = o.id) AS storage_keys
      FROM operation o WHERE o.id = ANY(${ids}::uuid[])`
  return new Map(
    rows.map(({ id, has_ended, is_expired, storage_keys }) => [
      id,
      { hasEnded: has_ended, isExpired: is_expired, storageKeys: new Set(storage_keys) },
    ]),
  )
}

async function claimSweep({ prisma, now, owner }: Sweep): Promise<boolean> {
  const at = now()
  const dueBefore = new Date(at.getTime() - periodMs)
  // The lease goes by the clock of the database, which all processes share.
  const claimed = await prisma.$executeRaw`
    UPDATE storage_owner
       SET lease_owner = ${owner}, lease_until = now() + make_interval(mins => ${leaseMinutes}),
           sweep_started_at = coalesce(sweep_started_at, ${at})
     WHERE id = 1 AND (lease_until IS NULL OR lease_until <= now())
       AND (sweep_started_at IS NOT NULL OR swept_at IS NULL OR swept_at <= ${dueBefore})`
  return claimed > 0
}

/** A cursor is a key, and keys of other programs may hold characters that PostgreSQL's text cannot. */
async function keepCursor({ prisma, owner }: Sweep, page: readonly StoredObject[]): Promise<void> {
  const cursor = encodeURIComponent(page.at(-1)?.key ?? '')
  const kept = await prisma.$executeRaw`
    UPDATE storage_owner
       SET sweep_cursor = ${cursor}, lease_until = now() + make_interval(mins => ${leaseMinutes})
     WHERE id = 1 AND lease_owner = ${owner}`
  if (kept === 0) throw new Error('Another process has taken the sweep of the storage over')
}

async function endSweep({ prisma, owner }: Sweep): Promise<void> {
  await prisma.$executeRaw`
    UPDATE storage_owner
       SET swept_at = sweep_started_at, sweep_started_at = NULL, sweep_cursor = NULL,
           lease_owner = NULL, lease_until = NULL
     WHERE id = 1 AND lease_owner = ${owner}`
}

async function releaseSweep({ prisma, owner }: Sweep): Promise<void> {
  await prisma.storageOwner.updateMany({
    where: { leaseOwner: owner },
    data: { leaseOwner: null, leaseUntil: null },
  })
}
