import { parseObjectName } from './object-name.ts'
import type { StoredObject } from './storage.ts'
import type { Hold, Lives } from './storage-owner.ts'

/** What the database knows of an operation; undefined: it does not know the operation. */
export interface OperationFacts {
  readonly hasEnded: boolean
  /** Whether its images were deleted: no row will ever name objects that are left of them. */
  readonly isExpired: boolean
  /** The keys that rows of images name. */
  readonly storageKeys: ReadonlySet<string>
}

export interface SweepRules extends Lives {
  readonly now: Date
  readonly hold: Hold | null
}

/** Why an object stays, or `dead` where it is deleted. */
export type Fate = 'dead' | 'named' | 'recent' | 'quarantined' | 'own' | 'foreign'

/**
 * Decides about one object. It goes only if this database once had it written and can be sure that no row, also none
 * of a backup that is restored later, will name it again:
 * - at once, if its operation has given up its images, or if it is half a file;
 * - after the quarantine, if a crash left it without a row. Then it is of an operation that has ended, or of one that was
 *   never accepted (or whose row was lost with a restore: for that there is the hold).
 */
export function fateOf(object: StoredObject, facts: OperationFacts | undefined, rules: SweepRules): Fate {
  const name = parseObjectName(object.key)
  if (name.kind === 'own' || name.kind === 'foreign') return name.kind
  if (facts?.storageKeys.has(object.key)) return 'named'
  const ageMs = rules.now.getTime() - object.modifiedAt.getTime()
  if (ageMs < rules.tempMs || (facts && !facts.hasEnded)) return 'recent'
  if (name.kind === 'part' || facts?.isExpired) return 'dead'
  return ageMs < rules.quarantineMs || isHeld(object, rules.hold) ? 'quarantined' : 'dead'
}

function isHeld({ modifiedAt }: StoredObject, hold: Hold | null): boolean {
  return hold !== null && (hold.knownUntil === null || modifiedAt > hold.knownUntil)
}
