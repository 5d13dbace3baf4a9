import type { ReportedCost } from '../../../catalogue/reported-usage.ts'
import type { JobState, PollAnswer } from '../../exchanges/job.ts'
import { type Certainty, ProviderFailure } from '../../failure.ts'
import type { Sorter } from '../../failures/http-failure.ts'
import { isRecord } from '../../transport/is-record.ts'
import { toStorable } from '../../transport/storable-text.ts'

/**
 * Reads the state of a task from an answer: `Ready` means success, and every unknown word that it still runs. The HTTP
 * status does not count: a final state may come with a 503 (third party).
 */
export function readTask({ job, body }: PollAnswer, sorter: Sorter): JobState {
  if (!isRecord(body) || typeof body.status !== 'string') return { type: 'pending' }
  const settled = readCredits(body.cost)
  switch (body.status.toLowerCase()) {
    case 'ready':
      return readResult(body.result, settled ?? readCredits(job.credits))
    case 'request moderated':
      // Refused before any work; only the member `cost` shows whether it was charged.
      return refused('input', body.details, settled ? 'FAILED' : 'REFUSED')
    case 'content moderated':
      return refused('output', body.details, certaintyOf(settled))
    case 'error':
    case 'failed': {
      const answer = { status: 200, headers: {}, json: { error: { message: readWords(body) } }, text: '' }
      return { type: 'failed', failure: sorter.sort(answer).but({ certainty: certaintyOf(settled) }) }
    }
    case 'task not found':
      return failed('RESULT_EXPIRED')
    default:
      return { type: 'pending' }
  }
}

/** The address comes in `sample`. */
function readResult(result: unknown, credits: number | null): JobState {
  const address = isRecord(result) ? result.sample : null
  if (typeof address !== 'string' || address === '') return failed('NO_IMAGE')
  return { type: 'address', address, cost: toCost(credits) }
}

/** A task with a cost of 0 was not carried out; one without a cost may have been. */
function certaintyOf(settled: number | null): Certainty {
  return settled === 0 ? 'REFUSED' : 'FAILED'
}

function failed(reason: 'NO_IMAGE' | 'RESULT_EXPIRED'): JobState {
  return { type: 'failed', failure: new ProviderFailure({ certainty: 'FAILED', reason }) }
}

function refused(stage: 'input' | 'output', details: unknown, certainty: Certainty): JobState {
  const reason = 'CONTENT_REFUSED'
  const told = [{ stage, categories: readReasons(details) }]
  return { type: 'failed', failure: new ProviderFailure({ certainty, reason, details: told }) }
}

/** `{"Moderation Reasons": ["Derivative Works Filter"]}`. */
function readReasons(details: unknown): string[] {
  if (!isRecord(details)) return []
  return Object.values(details)
    .filter(Array.isArray)
    .flat()
    .filter((reason) => typeof reason === 'string')
    .map((reason) => toStorable(reason.slice(0, 64)))
    .slice(0, 20)
}

function readWords({ details }: Record<string, unknown>): string {
  if (typeof details === 'string') return details
  const words = isRecord(details) ? (details.message ?? details.error) : null
  return typeof words === 'string' ? words : ''
}

const mostCredits = 100_000
const microsOfCredit = 10_000

/** A credit is a cent of a dollar. */
function toCost(credits: number | null): ReportedCost | null {
  return credits === null ? null : { micros: Math.round(credits * microsOfCredit), currency: 'USD' }
}

export function readCredits(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 && value <= mostCredits ? value : null
}
