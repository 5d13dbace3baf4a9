import { failureReasons } from '../../reasons/failure-reasons.ts'

const known: Record<string, { hint: string }> = failureReasons

/** What to do about a failed operation. An operation of an older gateway may have a reason that is no longer listed. */
export function adviceFor(reason: string, retryable: boolean): string {
  const listed = Object.hasOwn(known, reason) ? known[reason] : null
  if (listed) return listed.hint
  return retryable
    ? 'Running it again may help.'
    : 'Running it again as it is will not help: change the request.'
}
