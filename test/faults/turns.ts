import { test } from 'vitest'
import { type DatabaseKind, databases } from '../kit/gateway/test-bed.ts'
import { isLong } from '../kit/limits.ts'

export interface TurnOptions {
  /** The short form leaves it out: another case passes nearly the same way. */
  inLong?: boolean
}

/**
 * The `test` of a `describe` that is run on every database: in the short form each case has its turn on one of them, in
 * the long one on all. Which one is a matter of its place alone.
 */
export function turnsOn(
  database: DatabaseKind,
): (promise: string, work: () => Promise<unknown>, options?: TurnOptions) => void {
  let place = 0
  return (promise, work, { inLong = false } = {}) => {
    if (inLong && !isLong) return
    const turn = databases[place++ % databases.length]
    if (isLong || turn === database) test(promise, work)
  }
}
