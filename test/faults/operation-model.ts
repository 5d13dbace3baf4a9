import type { FailpointName } from '../../src/operations/failpoint.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { image, refuse } from '../kit/upstream/image-replies.ts'
import { reset } from '../kit/upstream/replies.ts'

/*
 * What an operation must end as, and how often it must have been paid for: a matter of what the provider answers, and
 * of the gap in which its process dies or it is cancelled.
 */

export const answers = {
  image: () => [image()],
  reset: () => [reset],
  refusal: () => [refuse(400)],
  later: () => [refuse(429, { 'retry-after': '0' }), image()],
} satisfies Record<string, () => Script[]>
export type AnswerName = keyof typeof answers

export interface End {
  status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED'
  reason: string | null
  paid: number
}

const unknown = (paid: number): End => ({ status: 'FAILED', reason: 'UPSTREAM_OUTCOME_UNKNOWN', paid })

/** What becomes of an operation that nothing happens to. */
export const undisturbed: Record<AnswerName, End> = {
  image: { status: 'SUCCEEDED', reason: null, paid: 1 },
  reset: unknown(1),
  refusal: { status: 'FAILED', reason: 'UPSTREAM_INVALID_REQUEST', paid: 0 },
  later: { status: 'SUCCEEDED', reason: null, paid: 1 },
}

/** And when its process dies in the gap, the first time that it gets there. */
export function endAfterDeath(answer: AnswerName, gap: FailpointName): End {
  if (gap === 'sent') return unknown(0)
  // The head of the reply is on the disk: it says whether it was a refusal, but an image is not in it.
  if (gap === 'replying' && answer === 'image') return unknown(1)
  return undisturbed[answer]
}

/** And when it is cancelled there. What never gets to the gap is cancelled behind its end, and stays as it is. */
export function endAfterCancel(answer: AnswerName, gap: CancelGap): End {
  const cancelled = (paid: number): End => ({ status: 'CANCELLED', reason: 'CANCELLED', paid })
  if (gap === 'claimed' || gap === 'prepared' || gap === 'sent') return cancelled(0)
  if (gap === 'replying' && answer !== 'reset') return cancelled(answer === 'image' ? 1 : 0)
  // A whole reply is worth more than a cancel if it brings an image, and else not.
  const isWhole = gap === 'spooled' || gap === 'responded'
  if (isWhole && (answer === 'refusal' || answer === 'later')) return cancelled(0)
  return undisturbed[answer]
}

/** Where an operation can be held while another request is served: not in a transaction, nor where only its caller is. */
export const cancelGaps = [
  'claimed',
  'prepared',
  'sent',
  'replying',
  'stored',
  'spooled',
  'responded',
] as const satisfies FailpointName[]
export type CancelGap = (typeof cancelGaps)[number]

export const gaps = [
  'accepting',
  'accepted',
  'claimed',
  'prepared',
  'sent',
  'replying',
  'stored',
  'spooled',
  'responded',
  'finishing',
  'finished',
] as const satisfies FailpointName[]
