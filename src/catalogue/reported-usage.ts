import { isRecord } from '../is-record.ts'
import { fillTokens, type Tokens } from './tokens.ts'

/** What the upstream counted. A part is null where the upstream did not say, or said something that is no count. */
export interface ReportedTokens extends Tokens<number | null> {
  /** What the cached input tokens are, where the upstream splits them. */
  cachedParts?: { text: number; image: number } | null
}

/** Of an upstream that says nothing of tokens. */
export const noTokens: ReportedTokens = fillTokens(() => null)

export interface ReportedUsage extends ReportedTokens {
  /** What it charged, where it says so. */
  cost?: ReportedCost | null
}

export interface ReportedCost {
  /** Millionths of the currency. */
  micros: number
  currency: string
}

/**
 * Reads a `usage` member without ever throwing: it comes with an image that is paid for. Nothing told, or nothing but
 * zeros (LocalAI#7354), is null. Chat-style names come from proxies (Aico#315). Without a split of the output all of
 * it is image tokens: most servers leave the split out (bifrost#4777, litellm#31142).
 */
export function parseReportedUsage(value: unknown): ReportedTokens | null {
  if (!isRecord(value)) return null
  const input = pick(value.input_tokens_details, value.prompt_tokens_details)
  const output = pick(value.output_tokens_details, value.completion_tokens_details)
  const outputTokens = readCount(value.output_tokens) ?? readCount(value.completion_tokens)
  const outputTextTokens = readCount(output.text_tokens)
  const usage: ReportedTokens = {
    inputTokens: readCount(value.input_tokens) ?? readCount(value.prompt_tokens),
    outputTokens,
    totalTokens: readCount(value.total_tokens),
    inputTextTokens: readCount(input.text_tokens),
    inputImageTokens: readCount(input.image_tokens),
    outputTextTokens,
    outputImageTokens: readCount(output.image_tokens) ?? subtract(outputTokens, outputTextTokens ?? 0),
    ...readCached(value, input),
  }
  const { cachedParts: _, ...counts } = usage
  return Object.values(counts).some((count) => count !== null && count > 0) ? usage : null
}

/**
 * OpenAI's name within the details of the input, which its reference does not list, xAI's and Gemini's. A split comes from
 * few (one-api#401), and xAI caches nothing but prompts.
 */
function readCached(
  value: Record<string, unknown>,
  input: Record<string, unknown>,
): Pick<ReportedTokens, 'cachedInputTokens' | 'cachedParts'> {
  const ofPrompt = readCount(value.cached_prompt_text_tokens)
  const details = pick(input.cached_tokens_details)
  const [text, image] =
    ofPrompt === null ? [readCount(details.text_tokens), readCount(details.image_tokens)] : [ofPrompt, 0]
  return {
    cachedInputTokens: readCount(input.cached_tokens) ?? ofPrompt ?? readCount(value.cachedContentTokenCount),
    ...(text !== null && image !== null && { cachedParts: { text, image } }),
  }
}

/** Adds up what several replies of one operation reported. */
export function addReportedUsage(
  left: ReportedUsage | null,
  right: ReportedUsage | null,
): ReportedUsage | null {
  if (!left || !right) return left ?? right
  const tokens = fillTokens((key) => {
    const [one, other] = [left[key], right[key]]
    return one === null || other === null ? null : readCount(one + other)
  })
  const [one, other] = [left.cost, right.cost]
  return one && other ? { ...tokens, cost: { ...one, micros: one.micros + other.micros } } : tokens
}

/**
 * More tokens than any model spends on one request: such a figure is a fault, not a bill. Four parts of this size still
 * add up to a GraphQL Int, so no figure that is booked from them is cleaned again.
 */
const maxCount = 500_000_000

/** Some servers write their numbers as texts; only plain digits are one. */
function readCount(value: unknown): number | null {
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= maxCount
    ? count
    : null
}

function subtract(whole: number | null, part: number): number | null {
  return whole === null || part > whole ? null : whole - part
}

function pick(...values: unknown[]): Record<string, unknown> {
  return values.find(isRecord) ?? {}
}
