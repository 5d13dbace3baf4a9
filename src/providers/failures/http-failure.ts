import type { ProviderReason } from '../../reasons/reasons.ts'
import { type RpcStatus, rpcCodes } from '../../reasons/rpc-codes.ts'
import { type Certainty, type FailureDetails, ProviderFailure } from '../failure.ts'
import { type ErrorBody, readErrorBody, type UpstreamAnswer } from './error-body.ts'
import { type Redaction, redact } from './redaction.ts'
import { parseRetryAfter } from './retry-after.ts'

/** What a dialect's own codes and messages say about a failure. HTTP's rules fill in the rest. */
export interface Sorted {
  reason: ProviderReason
  certainty?: Certainty
  details?: Record<string, unknown>[]
}

/** Pure. Null where the dialect has no rule for the answer. */
export type SortFailure = (answer: UpstreamAnswer, body: ErrorBody) => Sorted | null

export interface Sorter {
  /** Sorts an answer without a usable image: the dialect's own codes first, then HTTP's rules. */
  sort(answer: UpstreamAnswer): ProviderFailure
}

export interface Sorting {
  sortOwn: SortFailure
  redaction: Redaction
  now: Date
}

/** Sorts answers without an image, also 2xx ones with an error in them: the dialect first, then HTTP's own rules. */
export function sortAnswer(answer: UpstreamAnswer, { sortOwn, redaction, now }: Sorting): ProviderFailure {
  const body = readErrorBody(answer)
  const own = sortOwn(answer, body)
  const reason = own?.reason ?? findReason(answer.status, body)
  return new ProviderFailure({
    certainty: own?.certainty ?? findCertainty(answer.status),
    reason,
    ...describe(reason, body, redaction),
    details: own?.details ?? [],
    retryAfterMs: parseRetryAfter(answer.headers, now),
    upstreamCode: body.code ?? body.type,
    answeredWith: answer.status,
    usage: answer.usage ?? null,
  })
}

function findReason(status: number, body: ErrorBody): ProviderReason {
  if (status === 402) return 'QUOTA_EXHAUSTED'
  if (status === 401 || status === 403) return 'UPSTREAM_AUTH'
  if (status === 429) return 'RATE_LIMITED'
  if (status >= 300 && status < 400) return 'UPSTREAM_INVALID_RESPONSE'
  if (status === 408 || status === 499) return 'UPSTREAM_OUTCOME_UNKNOWN'
  if (status >= 400 && status < 500) return 'UPSTREAM_INVALID_REQUEST'
  if (status >= 500) return 'UPSTREAM_UNAVAILABLE'
  return findReasonOfSuccess(body)
}

/** A 2xx with an error in it: the request was taken, and failed. A google.rpc.Status says why. */
function findReasonOfSuccess({ rpcCode }: ErrorBody): ProviderReason {
  if (rpcCode === rpcCodes.INVALID_ARGUMENT) return 'UPSTREAM_INVALID_REQUEST'
  if (rpcCode === rpcCodes.RESOURCE_EXHAUSTED) return 'RATE_LIMITED'
  if (rpcCode === rpcCodes.UNAVAILABLE) return 'UPSTREAM_UNAVAILABLE'
  return 'UPSTREAM_FAILED'
}

function findCertainty(status: number): Certainty {
  if (status < 400) return 'FAILED'
  // The server timed out, waiting for the gateway or for its own upstream: the status does not show which.
  if (status === 408 || status === 499) return 'UNKNOWN'
  // A 5xx may come from a proxy in between while the server behind it works.
  return status < 500 ? 'REFUSED' : 'UNKNOWN'
}

/** The reasons whose failures quote the upstream's message: others are of no use to callers and may hold keys. */
const openings: Partial<Record<ProviderReason, string>> = {
  UPSTREAM_INVALID_REQUEST: 'The provider did not accept the request',
  UPSTREAM_MODEL_NOT_FOUND: 'The provider does not have this model',
  UPSTREAM_FAILED: 'The provider failed to make the image',
}

function describe(reason: ProviderReason, body: ErrorBody, redaction: Redaction): Partial<FailureDetails> {
  const opening = openings[reason]
  if (!opening) return {}
  const words = redact(body.message, redaction)
  const status = reason === 'UPSTREAM_FAILED' ? rpcStatusOf(body.rpcCode) : null
  return { ...(words && { message: `${opening}: ${words}` }), ...(status && { status }) }
}

function rpcStatusOf(code: number | null): RpcStatus | null {
  const found = Object.entries(rpcCodes).find(([, value]) => value === code)
  return found ? (found[0] as RpcStatus) : null
}
