import type { UsageFigures } from '../catalogue/usage-figures.ts'
import type { Prisma } from '../database/database.ts'
import { type Amount, lockSpending, settleSpending } from './spending.ts'
import { type UsageOwner, writeUsageRecord } from './usage-record.ts'

type Transaction = Prisma.TransactionClient

export interface CaptureRequest extends UsageOwner {
  figures: UsageFigures
  /** Images that nobody got and that the provider may have made and charge for, of how many were asked for. */
  unknown?: { images: number; of: number }
}

export interface CaptureResult {
  /** False when the reservation had ended before: nothing was written. */
  captured: boolean
  /** The operation took more than the most that was foreseen. It is booked all the same; somebody should look. */
  exceeded: boolean
}

const none: Amount = { tokens: 0n, costMicros: 0n }

/** The user pays what the operation really took: record, roll-up, ledger and spending in the caller's transaction. */
export async function capture(tx: Transaction, request: CaptureRequest): Promise<CaptureResult> {
  const { operationId, figures, unknown } = request
  const used = { tokens: BigInt(figures.totalTokens), costMicros: BigInt(figures.costMicros ?? 0) }
  const reservation = await endReservation(tx, operationId, used)
  if (!reservation) return { captured: false, exceeded: false }
  const { userId, day, reserved } = reservation
  const { currency } = figures
  await tx.ledgerEntry.create({
    data: { operationId, kind: 'CAPTURE', number: 0, userId, day, currency, ...used },
  })
  if (unknown && unknown.images > 0) await bookLoss(tx, operationId, reservation, unknown)
  await writeUsageRecord(tx, request, figures)
  const exceeded = used.tokens > reserved.tokens || used.costMicros > reserved.costMicros
  return { captured: true, exceeded }
}

/** Gives back everything that was reserved. Answers whether this call did it. */
export async function release(tx: Transaction, { operationId }: { operationId: string }): Promise<boolean> {
  return (await endReservation(tx, operationId, none)) !== null
}

/**
 * Gives the user everything back and books the most it may have cost as the house's loss: a provider may have done
 * the work, and nobody got an image.
 */
export async function releaseAsLoss(
  tx: Transaction,
  { operationId }: { operationId: string },
): Promise<boolean> {
  const reservation = await endReservation(tx, operationId, none)
  if (!reservation) return false
  await bookLoss(tx, operationId, reservation, { images: 1, of: 1 })
  return true
}

/** The share of the most it may have cost, rounded up. It is the house's: no user's spending changes. */
async function bookLoss(
  tx: Transaction,
  operationId: string,
  { userId, day, currency, reserved }: Reservation,
  { images, of }: { images: number; of: number },
): Promise<void> {
  const share = (whole: bigint) => (whole * BigInt(images) + BigInt(of) - 1n) / BigInt(of)
  const lost = { tokens: share(reserved.tokens), costMicros: share(reserved.costMicros) }
  await tx.ledgerEntry.create({
    data: { operationId, kind: 'PROVIDER_LOSS', number: 0, userId, day, currency, ...lost },
  })
}

interface Reservation {
  userId: string
  day: Date
  currency: string
  reserved: Amount
}

/** Ends the reservation once, whoever asks again; null for those who come later. */
async function endReservation(
  tx: Transaction,
  operationId: string,
  used: Amount,
): Promise<Reservation | null> {
  const entry = await tx.ledgerEntry.findUnique({
    where: { operationId_kind_number: { operationId, kind: 'RESERVE', number: 0 } },
  })
  if (!entry) throw new Error('An operation ends that never reserved')
  const { userId, day, currency } = entry
  const reserved = { tokens: entry.tokens, costMicros: entry.costMicros }
  await lockSpending(tx, userId)
  const { count } = await tx.ledgerEntry.createMany({
    data: { operationId, kind: 'RELEASE', number: 0, userId, day, currency, ...subtract(reserved, used) },
    skipDuplicates: true,
  })
  if (count === 0) return null
  await settleSpending(tx, { userId, day, reserved, used })
  return { userId, day, currency, reserved }
}

function subtract(one: Amount, other: Amount): Amount {
  return { tokens: one.tokens - other.tokens, costMicros: one.costMicros - other.costMicros }
}
