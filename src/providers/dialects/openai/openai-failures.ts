import type { Certainty } from '../../failure.ts'
import type { ErrorBody, UpstreamAnswer } from '../../failures/error-body.ts'
import type { Sorted } from '../../failures/http-failure.ts'
import { readContentRefusal } from './content-refusal.ts'

/** A fault of the provider's key, credit or models as servers name it: by a code or type, or in a message alone. */
interface Kind {
  reason: Sorted['reason']
  code: RegExp
  words: RegExp
  /** Nothing is made before this is looked at, so it is a refusal with any status. */
  comesFirst: boolean
}

/** The codes of OpenAI, new-api, Ark and DashScope. A rate is called a quota too. */
const quota: Kind = {
  reason: 'QUOTA_EXHAUSTED',
  code: /^(?!.*(?:throttl|rate_?limit|ratequota)).*(?:quota|(?:spend|usage)_limit|billing|arrear|overdue|balance(?!r)|(?:insufficient|no)_credit)/i,
  words:
    /(?:insufficient|exhausted|not enough) (?:\w+ )?(?:balance|credits?|quota|funds)\b|\b(?:balance|credits?|quota) (?:is |are )?(?:not enough|insufficient|exhausted|used up)|余额不足|额度不足/i,
  comesFirst: false,
}

const auth: Kind = {
  reason: 'UPSTREAM_AUTH',
  code: /^(?:(?:invalid|incorrect|expired|missing)_?api_?key|api_key_invalid|authentication_?error|access_?denied.*|unauthorized)$/i,
  words:
    /\b(?:incorrect|invalid|wrong|expired|revoked) api[- ]?key|\bapi[- ]?key (?:is )?(?:not valid|invalid|expired|revoked)/i,
  comesFirst: true,
}

/** New-api's "no channel" is a model that none of its own upstreams serves. */
const model: Kind = {
  reason: 'UPSTREAM_MODEL_NOT_FOUND',
  code: /^(?:model_?not_?(?:found|open|available|exist)|deployment_?not_?found|invalidendpointormodel|no_available_channel)/i,
  words:
    /\bno available channel|无可用渠道|\b(?:no such|unknown) model\b|\bmodel\b.{0,80}\b(?:not found|does(?: not|n't) exist)|\binvalid model name\b|\bis not a valid model\b/i,
  comesFirst: true,
}

const kinds = [quota, auth, model]

const rateCode = /^(?:rate_?limit.*|slow_down|throttling.*|too_many_requests)$/i
const overloadCodes = ['server_is_overloaded', 'service_unavailable_error']

/**
 * The codes and words of OpenAI and of servers that copy it, codes first. The statuses 401, 402, 403 and 429 override
 * all but these.
 */
export function sortOpenAiFailure({ status }: UpstreamAnswer, body: ErrorBody): Sorted | null {
  const coded = kinds.find(({ code }) => namesOf(body).some((name) => code.test(name)))
  if (coded) return ofProvider(coded, status)
  const refusal = readContentRefusal(status, body)
  if (refusal) return refusal
  const told = kinds.find(({ words }) => words.test(body.message))
  return told ? ofProvider(told, status) : sortOther(status, body)
}

function ofProvider({ reason, comesFirst }: Kind, status: number): Sorted {
  return { reason, certainty: comesFirst || status >= 400 ? 'REFUSED' : 'FAILED' }
}

function sortOther(status: number, body: ErrorBody): Sorted | null {
  if ([401, 402, 403, 429].includes(status)) return null
  const names = namesOf(body)
  if (names.some((name) => rateCode.test(name))) return { reason: 'RATE_LIMITED' }
  const isRefused = status >= 400 && status < 500
  if (status === 404 || (isRefused && body.members.param === 'model')) return ofProvider(model, status)
  // OpenAI documents that a 503 with such a code is sent before anything runs.
  const refused: { certainty?: Certainty } = status === 503 ? { certainty: 'REFUSED' } : {}
  if (names.some((name) => overloadCodes.includes(name)))
    return { reason: 'UPSTREAM_UNAVAILABLE', ...refused }
  return status < 300 && body.type === 'invalid_request_error' ? { reason: 'UPSTREAM_INVALID_REQUEST' } : null
}

function namesOf({ code, type }: ErrorBody): string[] {
  return [code, type].filter((name) => name !== null)
}
