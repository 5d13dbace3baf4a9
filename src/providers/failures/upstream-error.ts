import type { ReportedUsage } from '../../catalogue/reported-usage.ts'
import {
  type Certainty,
  type FailureDetails,
  type FailureReason,
  ProviderFailure,
  type RpcStatus,
  rpcCodes,
} from '../failure.ts'
import { toStorable } from '../transport/storable-text.ts'

/** An answer without a usable image, in whatever shape it came. */
export interface UpstreamAnswer {
  status: number
  headers: Record<string, string>
  /** The body as JSON, or undefined when it is none. */
  json: unknown
  /** The beginning of a body that is no JSON. */
  text: string
  usage?: ReportedUsage | null
}

/** What must not come out in a message: keys, folders and the prompt. */
export interface Redaction {
  secrets: readonly string[]
  prompts: readonly string[]
}

/** The one sorter of failures, for every dialect and also for 2xx answers with an error or without an image. */
export function toProviderFailure(answer: UpstreamAnswer, redaction: Redaction, now: Date): ProviderFailure {
  const body = readErrorBody(answer)
  const reason = findReason(answer, body)
  return new ProviderFailure({
    certainty: findCertainty(answer.status, reason, body),
    reason,
    ...describe(reason, body, redaction),
    retryAfterMs: parseRetryAfter(answer.headers, now),
    upstreamCode: body.code ?? body.type,
    usage: answer.usage ?? null,
  })
}

interface ErrorBody {
  message: string
  code: string | null
  type: string | null
  moderation: { stage: string | null; categories: string[] } | null
  /** google.rpc.Status: its numeric code. */
  rpcCode: number | null
}

const maxMessageLength = 300

/**
 * Where servers put their error, in the order to look: `error` as an object or a text (sd.cpp), `detail` of FastAPI
 * (vLLM, SGLang, Xinference), the body itself (google.rpc.Status), the first element of a list, plain text.
 */
function readErrorBody({ json, text }: UpstreamAnswer): ErrorBody {
  const body = Array.isArray(json) ? json[0] : json
  if (!isRecord(body)) return plainError(text || (typeof body === 'string' ? body : ''))
  const { error, detail } = body
  if (isRecord(error)) return structuredError(unwrapMessage(error))
  if (typeof error === 'string')
    return structuredError({ code: error, ...body, message: body.message ?? error })
  if (typeof detail === 'string') return plainError(detail)
  if (Array.isArray(detail))
    return plainError(detail.map((each) => readText(isRecord(each) ? each.msg : each)).join('; '))
  if (isRecord(detail)) return structuredError(detail)
  return structuredError(unwrapMessage(body))
}

function structuredError(error: Record<string, unknown>): ErrorBody {
  const { code, type, message } = error
  const moderation = isRecord(error.moderation_details) ? error.moderation_details : null
  return {
    message: cleanText(readText(message)),
    code: typeof code === 'string' || typeof code === 'number' ? String(code).slice(0, 100) : null,
    type: typeof type === 'string' ? type.slice(0, 100) : null,
    moderation: moderation && {
      stage: toStorable(readText(moderation.moderation_stage)) || null,
      categories: readCategories(moderation.categories),
    },
    rpcCode: typeof code === 'number' && code > 0 && code < 17 ? code : null,
  }
}

function plainError(text: string): ErrorBody {
  return { message: cleanText(text), code: null, type: null, moderation: null, rpcCode: null }
}

/** Proxies nest the upstream's error as JSON within a message (pollinations#8848, litellm#39512). */
function unwrapMessage(error: Record<string, unknown>): Record<string, unknown> {
  const message = readText(error.message).slice(0, 8192)
  const start = message.indexOf('{')
  if (typeof error.code === 'string' || start === -1) return error
  try {
    const inner: unknown = JSON.parse(message.slice(start))
    if (!isRecord(inner)) return error
    return isRecord(inner.error) ? inner.error : inner
  } catch {
    return error
  }
}

const moderationCodes = ['moderation_blocked', 'content_policy_violation', 'output_blocked']
const safetyText =
  /safety system|content policy|safety_violations|moderation|не могу сгенерировать|другую тему/i
const quotaCodes = [
  'insufficient_quota',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
  'billing_hard_limit_reached',
]
const rateCodes = ['rate_limit_exceeded', 'slow_down', 'rate_limit_error']
const overloadCodes = ['server_is_overloaded', 'service_unavailable_error']

function findReason({ status }: UpstreamAnswer, body: ErrorBody): FailureReason {
  const names = [body.code, body.type]
  const has = (codes: string[]) => names.some((name) => name !== null && codes.includes(name))
  if (isModeration(body, status)) return 'CONTENT_REFUSED'
  if (has(quotaCodes) || status === 402) return 'QUOTA_EXHAUSTED'
  if (status === 401 || status === 403 || has(['invalid_api_key'])) return 'UPSTREAM_AUTH'
  if (status === 429 || has(rateCodes)) return 'RATE_LIMITED'
  if (has(['model_not_found'])) return 'UPSTREAM_MODEL_NOT_FOUND'
  if (has(overloadCodes)) return 'UPSTREAM_UNAVAILABLE'
  if (status >= 300 && status < 400) return 'UPSTREAM_INVALID_RESPONSE'
  if (status === 408 || status === 499) return 'UPSTREAM_OUTCOME_UNKNOWN'
  if (status >= 400 && status < 500) return 'UPSTREAM_INVALID_REQUEST'
  if (status >= 500) return 'UPSTREAM_UNAVAILABLE'
  return findReasonOfSuccess(body)
}

/** A 2xx with an error in it: the request was taken, and failed. */
function findReasonOfSuccess(body: ErrorBody): FailureReason {
  if (body.type === 'invalid_request_error' || body.rpcCode === rpcCodes.INVALID_ARGUMENT)
    return 'UPSTREAM_INVALID_REQUEST'
  if (body.rpcCode === rpcCodes.RESOURCE_EXHAUSTED) return 'RATE_LIMITED'
  if (body.rpcCode === rpcCodes.UNAVAILABLE) return 'UPSTREAM_UNAVAILABLE'
  return 'UPSTREAM_FAILED'
}

/** Some servers tell moderation only in words, and with any status (sub2api#2399). */
function isModeration({ code, type, moderation, message }: ErrorBody, status: number): boolean {
  if (moderation !== null || (code !== null && moderationCodes.includes(code))) return true
  if (status === 401 || status === 403 || status === 429) return false
  return type === 'image_generation_user_error' ? code !== 'invalid_value' : safetyText.test(message)
}

function findCertainty(status: number, reason: FailureReason, body: ErrorBody): Certainty {
  if (reason === 'CONTENT_REFUSED') {
    const isInput =
      body.moderation?.stage === 'input' || (body.moderation === null && body.code !== 'output_blocked')
    return isInput && status >= 400 && status < 500 ? 'REFUSED' : 'FAILED'
  }
  if (status < 400) return 'FAILED'
  // The server gave up waiting, for us or for its own upstream: nobody says which.
  if (status === 408 || status === 499) return 'UNKNOWN'
  if (status < 500) return 'REFUSED'
  // OpenAI documents this answer as given before anything ran; any other 5xx may come from a proxy in between.
  const isOverload = [body.code, body.type].some((name) => name !== null && overloadCodes.includes(name))
  return status === 503 && isOverload ? 'REFUSED' : 'UNKNOWN'
}

/** Only two reasons tell the upstream's own words: the rest say nothing a caller could use, and may hold keys. */
function describe(reason: FailureReason, body: ErrorBody, redaction: Redaction): Partial<FailureDetails> {
  const told: Partial<FailureDetails> = {}
  if (reason === 'CONTENT_REFUSED') {
    told.details = [
      {
        stage: body.moderation?.stage ?? null,
        categories: body.moderation?.categories ?? categoriesOf(body.message),
      },
    ]
  }
  if (reason === 'UPSTREAM_INVALID_REQUEST' || reason === 'UPSTREAM_FAILED') {
    const words = redact(body.message, redaction)
    const opening =
      reason === 'UPSTREAM_FAILED'
        ? 'The provider failed to make the image'
        : 'The provider did not accept the request'
    if (words) told.message = `${opening}: ${words}`
  }
  const status = reason === 'UPSTREAM_FAILED' ? rpcStatusOf(body.rpcCode) : null
  return status ? { ...told, status } : told
}

function rpcStatusOf(code: number | null): RpcStatus | null {
  const found = Object.entries(rpcCodes).find(([, value]) => value === code)
  return found ? (found[0] as RpcStatus) : null
}

/** "safety_violations=[sexual, violence]" (openai/codex#38582). */
function categoriesOf(message: string): string[] {
  const list = /safety_violations=\[([\w, /-]{1,200})\]/.exec(message)?.[1]
  return list ? list.split(',').map((each) => each.trim()) : []
}

function readCategories(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  return value
    .filter((each) => typeof each === 'string')
    .map((each) => toStorable(each.slice(0, 64)))
    .slice(0, 20)
}

const keyLike =
  /\b(?:sk|pk|org|proj|key|req|user|sess|AQVN|b1g|aje)[-_]?[\w*-]{8,}|\bBearer\s+\S+|\bApi-Key\s+\S+|https?:\/\/\S+/gi

/** The upstream's words without keys and addresses; nothing at all if they repeat a part of the prompt. */
export function redact(text: string, { secrets, prompts }: Redaction): string {
  if (prompts.some((prompt) => repeats(text, prompt))) return ''
  let safe = text
  for (const secret of secrets) if (secret.length > 3) safe = safe.replaceAll(secret, '…')
  return safe.replace(keyLike, '…')
}

const repeatedLength = 12

function repeats(text: string, prompt: string): boolean {
  const sought = prompt.trim()
  if (sought.length === 0) return false
  if (sought.length <= repeatedLength) return text.includes(sought)
  for (let at = 0; at + repeatedLength <= text.length; at++) {
    if (sought.includes(text.slice(at, at + repeatedLength))) return true
  }
  return false
}

function cleanText(text: string): string {
  const plain = text
    .slice(0, 8192)
    .replace(/<(?:script|style)[\s\S]*?<\/(?:script|style)>|<[^>]*>/gi, ' ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
    .replace(/[\u0000-\u001f\u007f\s]+/g, ' ')
    .trim()
  // Last, since the cut may go through a character.
  return toStorable(plain.slice(0, maxMessageLength))
}

/** `retry-after-ms` first, then `retry-after` in seconds or as a date; what is no wait is no advice. */
export function parseRetryAfter(headers: Record<string, string>, now: Date): number | null {
  const ms = readWait(headers['retry-after-ms'])
  if (ms !== null) return Math.ceil(ms)
  const given = headers['retry-after']
  const seconds = readWait(given)
  if (seconds !== null) return Math.ceil(seconds * 1000)
  // A date has letters; `Date.parse` alone would take "-5" for one.
  const date = given && /[a-z]{3}/i.test(given) ? Date.parse(given) : Number.NaN
  return Number.isNaN(date) ? null : Math.max(0, date - now.getTime())
}

function readWait(value: string | undefined): number | null {
  if (value === undefined || !/^\d{1,12}(\.\d+)?$/.test(value.trim())) return null
  return Number(value)
}

function readText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
