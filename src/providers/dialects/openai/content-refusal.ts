import type { ErrorBody } from '../../failures/error-body.ts'
import type { Sorted } from '../../failures/http-failure.ts'
import { isRecord } from '../../transport/is-record.ts'
import { toStorable } from '../../transport/storable-text.ts'

/**
 * Codes of OpenAI, Azure, Ark (`InputTextSensitiveContentDetected.…`), DashScope (`DataInspectionFailed`), Gemini and
 * smaller servers.
 */
const refusalCode =
  /^(?:moderation_blocked|content_?policy(?:_violation)?|output_blocked|content_?filter(?:ed)?|responsibleaipolicyviolation|data_?inspection_?failed|(?:image_)?(?:safety|prohibited_content)|blocklist|nsfw.*|.*sensitivecontent.*)$/i

/** A code that names a fault in the form of the request. Words beside it may name the parameter `moderation`. */
const formCode =
  /^(?:unknown|unsupported|unrecognized|missing|duplicate)_|^invalid_(?!argument$|request|prompt|api)|^image_(?:parse|too)/i

/** No request that is in order gets these words. The Russian ones are those of Yandex AI Studio. */
const refusalText =
  /safety system|content policy|content management policy|responsible ai|safety_violations|inappropriate|sensitive (?:information|content|words?)|flagged (?:as|for|by)|usage guidelines|не могу сгенерировать|другую тему|敏感|违规/i
/** These are names of parameters too. */
const doubtfulText = /\bmoderat(?:ion|ed)\b|\bnsfw\b/i
const parameterText = /\b(?:parameters?|arguments?|propert(?:y|ies)|extra (?:fields?|inputs?))\b/i

/** At xAI a forbidden request is a refused one. Other servers answer these statuses to everybody with such a key. */
const refusalTextOfAnyStatus = /content violates|(?:input|prompt|content|image) (?:was|is|has been) flagged/i

interface Moderation {
  stage: string | null
  categories: string[]
}

/** Null where the answer does not refuse the content of the request. */
export function readContentRefusal(status: number, body: ErrorBody): Sorted | null {
  const moderation = readModeration(body)
  if (!moderation && !hasCode(body) && !hasWords(status, body)) return null
  const categories = moderation?.categories ?? categoriesOf(body.message)
  const stage = moderation?.stage ?? null
  return {
    reason: 'CONTENT_REFUSED',
    // A refused prompt costs nothing; an image that is withheld was made.
    certainty: isOfInput(body, moderation) && status >= 400 && status < 500 ? 'REFUSED' : 'FAILED',
    details: [{ stage, categories }],
  }
}

function hasCode({ code, type }: ErrorBody): boolean {
  return [code, type].some((name) => name !== null && refusalCode.test(name))
}

/** Some servers report a refusal only in the message, and with any status (sub2api#2399). */
function hasWords(status: number, { code, message }: ErrorBody): boolean {
  if (code !== null && formCode.test(code)) return false
  if (refusalTextOfAnyStatus.test(message)) return true
  if (status === 401 || status === 403 || status === 429) return false
  return refusalText.test(message) || (doubtfulText.test(message) && !parameterText.test(message))
}

function isOfInput({ code, message }: ErrorBody, moderation: Moderation | null): boolean {
  if (moderation?.stage) return moderation.stage === 'input'
  return (
    !/^output/i.test(code ?? '') && !/\boutput (?:data|image)|\bgenerated (?:image|content)/i.test(message)
  )
}

/** What OpenAI, Azure and OpenRouter say beside code and message. */
function readModeration({ members }: ErrorBody): Moderation | null {
  const { moderation_details: details, metadata } = members
  if (isRecord(details)) {
    const { moderation_stage: stage, categories } = details
    return { stage: readStage(stage), categories: readCategories(categories) }
  }
  if (isRecord(metadata) && Array.isArray(metadata.reasons)) {
    return { stage: 'input', categories: readCategories(metadata.reasons) }
  }
  const filtered = listFiltered(members)
  return filtered.length > 0 ? { stage: null, categories: readCategories(filtered) } : null
}

function readStage(stage: unknown): string | null {
  return (typeof stage === 'string' && toStorable(stage)) || null
}

/** Azure lists every category that it looked at, with whether it filtered for it. */
function listFiltered(members: Record<string, unknown>): string[] {
  const holders = [members, members.inner_error, members.innererror].filter(isRecord)
  const results = holders.flatMap((holder) => [holder.content_filter_result, holder.content_filter_results])
  return results
    .filter(isRecord)
    .flatMap((result) => Object.entries(result))
    .filter(([, verdict]) => isRecord(verdict) && verdict.filtered === true)
    .map(([category]) => category)
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
