import type { Prisma } from '../database/database.ts'
import { keyIdOf, type Viewer } from './viewer.ts'

/** What the audit log tells of. */
export type AuditAction =
  | 'CREATE_USER'
  | 'SET_USER_ROLE'
  | 'DISABLE_USER'
  | 'ENABLE_USER'
  | 'DELETE_USER'
  | 'CREATE_API_KEY'
  | 'REVOKE_API_KEY'
  | 'REVOKE_ALL_KEYS'
  | 'DELETE_OPERATION'
  | 'SET_BUDGET'
  | 'SET_RATE_LIMITS'

/** What somebody did. */
export interface Act {
  action: AuditAction
  userId?: string
  keyId?: string
  /** What it was and became: no secret, and no name of a person, since entries outlive a deleted user. */
  details?: Prisma.InputJsonObject
}

/** Writes down an act in the transaction that carries it out, so that there is never one without the other. */
export type RecordAct = (tx: Prisma.TransactionClient, by: Viewer | undefined, act: Act) => Promise<void>

/** The gateway itself, which has nobody to name, writes no entry. */
export function createAuditLog({ newId, now }: { newId: () => string; now: () => Date }): RecordAct {
  return async (tx, by, { action, userId, keyId, details = {} }) => {
    if (!by) return
    const actor = { actorId: by.userId, actorKeyId: keyIdOf(by) }
    const whom = { userId: userId ?? null, keyId: keyId ?? null }
    await tx.auditEntry.create({ data: { id: newId(), at: now(), action, ...actor, ...whom, details } })
  }
}
