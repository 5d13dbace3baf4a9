import type { StorageOwner as OwnerRow } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import { findMark, type MarkOptions, ownedByAnother, writeMark } from './storage-mark.ts'

/** Which objects without a row may be deleted while rows may be missing, as after a restore. */
export interface Hold {
  /** Objects that changed after this stay. Null: all of them. */
  readonly knownUntil: Date | null
}

export type Trust = 'SAME' | 'NEW_STORAGE' | 'RESTORED' | 'LONG_PAUSE'

export interface Renewal {
  readonly trust: Trust
  /** Null: every object that could have had a row has it. */
  readonly hold: Hold | null
}

export interface Lives {
  /** How long an object may wait for its row. */
  readonly tempMs: number
  /** How long an object without a row is kept, in case that the row comes back with a restored database. */
  readonly quarantineMs: number
}

export function isForeignStorage(error: unknown): boolean {
  return error instanceof EaselError && error.details.reason === ownedByAnother
}

/** Throws where the storage belongs to another database, or cannot be asked. */
export async function confirmOwner(options: MarkOptions): Promise<void> {
  const row = await readOwner(options)
  if (!(await findMark({ ...options, databaseId: row.databaseId }))) await forgetSweep(options)
}

/**
 * Confirms the owner at the start of a sweep, and finds out whether the database was set back. Each sweep leaves a new
 * random generation in both the mark and the row; a mark with a generation that the row does not know was written by a
 * later time of the database than the one at hand, which is then a restored backup.
 */
export async function renewOwner(options: MarkOptions & Lives & RenewalFacts): Promise<Renewal> {
  const row = await readOwner(options)
  const mark = await findMark({ ...options, databaseId: row.databaseId })
  const trust = mark ? judge(row, mark.generation, options) : 'NEW_STORAGE'
  const held = trust === 'SAME' ? row : nextHold(row, trust, options)
  await writeGeneration(options, row.databaseId, held)
  const isOver = !held.heldAt || held.heldAt.getTime() + options.quarantineMs <= options.now().getTime()
  return { trust, hold: isOver ? null : { knownUntil: held.knownUntil } }
}

interface RenewalFacts {
  readonly now: () => Date
  readonly newId: () => string
}

type Held = Pick<OwnerRow, 'heldAt' | 'knownUntil'>

function judge(
  row: OwnerRow,
  generation: string | undefined,
  { now, quarantineMs }: Lives & RenewalFacts,
): Trust {
  const isNew = row.generation === null && row.nextGeneration === null
  if (isNew && !generation) return 'NEW_STORAGE'
  if (!generation || ![row.generation, row.nextGeneration].includes(generation)) return 'RESTORED'
  // A database that was restored before the next sweep shows no sign but a long time since the last sweep.
  const pauseMs = row.sweptAt ? now().getTime() - row.sweptAt.getTime() : 0
  return pauseMs > quarantineMs / 2 ? 'LONG_PAUSE' : 'SAME'
}

/** A second hold extends one that lasts and keeps its `knownUntil`, since no more is known than before. */
function nextHold(row: OwnerRow, trust: Trust, { now, tempMs, quarantineMs }: Lives & RenewalFacts): Held {
  const heldAt = now()
  const isHeld = row.heldAt !== null && row.heldAt.getTime() + quarantineMs > heldAt.getTime()
  if (isHeld) return { heldAt, knownUntil: row.knownUntil }
  const isKnown = trust !== 'NEW_STORAGE' && row.sweptAt !== null
  return { heldAt, knownUntil: isKnown ? new Date(Number(row.sweptAt) - tempMs) : null }
}

/** In three steps, so that a process killed between any two leaves a mark that the row knows. */
async function writeGeneration(
  options: MarkOptions & RenewalFacts,
  databaseId: string,
  { heldAt, knownUntil }: Held,
): Promise<void> {
  const { prisma, newId } = options
  const generation = newId()
  await prisma.storageOwner.update({
    where: { id: 1 },
    data: { nextGeneration: generation, heldAt, knownUntil },
  })
  await writeMark(options, { databaseId, generation })
  await prisma.storageOwner.update({ where: { id: 1 }, data: { generation, nextGeneration: null } })
}

/** A storage without a mark was never swept; the row's dates are about another storage. */
async function forgetSweep({ prisma }: MarkOptions): Promise<void> {
  await prisma.storageOwner.update({
    where: { id: 1 },
    data: { generation: null, nextGeneration: null, sweptAt: null, sweepStartedAt: null, sweepCursor: null },
  })
}

function readOwner({ prisma }: MarkOptions): Promise<OwnerRow> {
  return prisma.storageOwner.findUniqueOrThrow({ where: { id: 1 } })
}
