import type { Prisma } from '../database/database.ts'

type Transaction = Prisma.TransactionClient

/**
 * Revokes a key, the keys that were made with it, and theirs; answers the ids of those that worked until now. A key is
 * made while the row of its maker is locked, so none is missed: each step sees what was made before its rows were locked.
 */
export async function revokeWithMade(tx: Transaction, keyId: string, at: Date): Promise<string[]> {
  const revoked: string[] = []
  let makers = [keyId]
  for (let isRoot = true; makers.length > 0; isRoot = false) {
    const rows = await tx.$queryRaw<{ id: string }[]>`
      UPDATE api_key SET revoked_at = ${at}, revoked_with_id = ${isRoot ? null : keyId}::uuid
       WHERE id = ANY(${makers}::uuid[]) AND revoked_at IS NULL RETURNING id`
    revoked.push(...rows.map(({ id }) => id))
    const made = await tx.apiKey.findMany({ where: { madeWithId: { in: makers } }, select: { id: true } })
    makers = made.map(({ id }) => id)
  }
  return revoked
}

/** The same for every key of a user. */
export async function revokeKeysOf(tx: Transaction, userId: string, at: Date): Promise<string[]> {
  const own = await tx.apiKey.findMany({ where: { userId }, select: { id: true }, orderBy: { id: 'asc' } })
  const revoked: string[] = []
  for (const { id } of own) revoked.push(...(await revokeWithMade(tx, id, at)))
  return revoked
}
