import type { ErrorBody, UpstreamAnswer } from '../../failures/error-body.ts'
import type { Sorted } from '../../failures/http-failure.ts'
import { isRecord } from '../../transport/is-record.ts'
import { toStorable } from '../../transport/storable-text.ts'

const moderationCodes = ['moderation_blocked', 'content_policy_violation', 'output_blocked']
/** The Russian words are those of Yandex AI Studio, which speaks this dialect. */
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

/** The codes of OpenAI and of servers that copy it. The statuses 401, 402, 403 and 429 override all but a quota's. */
export function sortOpenAiFailure({ status }: UpstreamAnswer, body: ErrorBody): Sorted | null {
  const names = [body.code, body.type]
  const has = (codes: string[]) => names.some((name) => name !== null && codes.includes(name))
  const moderation = readModeration(body)
  if (isModeration(status, body, moderation)) return sortModeration(status, body, moderation)
  if (has(quotaCodes)) return { reason: 'QUOTA_EXHAUSTED' }
  if ([401, 402, 403].includes(status)) return null
  if (has(['invalid_api_key'])) return { reason: 'UPSTREAM_AUTH' }
  if (status === 429) return null
  if (has(rateCodes)) return { reason: 'RATE_LIMITED' }
  if (has(['model_not_found'])) return { reason: 'UPSTREAM_MODEL_NOT_FOUND' }
  // OpenAI documents that a 503 with such a code is sent before anything runs.
  if (has(overloadCodes))
    return { reason: 'UPSTREAM_UNAVAILABLE', ...(status === 503 && { certainty: 'REFUSED' as const }) }
  return status < 300 && body.type === 'invalid_request_error' ? { reason: 'UPSTREAM_INVALID_REQUEST' } : null
}

interface Moderation {
  stage: string | null
  categories: string[]
}

function readModeration({ members }: ErrorBody): Moderation | null {
  const { moderation_details: details } = members
  if (!isRecord(details)) return null
  const { moderation_stage: stage, categories } = details
  return {
    stage: (typeof stage === 'string' && toStorable(stage)) || null,
    categories: readCategories(categories),
  }
}

/** Some servers report moderation only in the message, and with any status (sub2api#2399). */
function isModeration(
  status: number,
  { code, type, message }: ErrorBody,
  moderation: Moderation | null,
): boolean {
  if (moderation !== null || (code !== null && moderationCodes.includes(code))) return true
  if (status === 401 || status === 403 || status === 429) return false
  return type === 'image_generation_user_error' ? code !== 'invalid_value' : safetyText.test(message)
}

/** A refused prompt costs nothing; an image that is withheld was made. */
function sortModeration(status: number, { code, message }: ErrorBody, moderation: Moderation | null): Sorted {
  const isInput = moderation ? moderation.stage === 'input' : code !== 'output_blocked'
  return {
    reason: 'CONTENT_REFUSED',
    certainty: isInput && status >= 400 && status < 500 ? 'REFUSED' : 'FAILED',
    details: [
      {
        stage: moderation?.stage ?? null,
        categories: moderation?.categories ?? categoriesOf(message),
      },
    ],
  }
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
