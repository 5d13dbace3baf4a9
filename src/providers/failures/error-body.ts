import type { ReportedUsage } from '../../catalogue/reported-usage.ts'
import { isRecord } from '../transport/is-record.ts'
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

/** The error in a body, wherever its server puts it. */
export interface ErrorBody {
  message: string
  code: string | null
  type: string | null
  /** google.rpc.Status: its numeric code. */
  rpcCode: number | null
  /** The members beside these, for the dialect that knows them. */
  members: Record<string, unknown>
}

const maxMessageLength = 300

/**
 * Where servers put their error, in the order to look: `error` as an object or a text (sd.cpp), `detail` of FastAPI
 * (vLLM, SGLang, Xinference), the body itself (google.rpc.Status), the first element of a list, plain text.
 */
export function readErrorBody({ json, text }: UpstreamAnswer): ErrorBody {
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
  return {
    message: cleanText(readText(message)),
    code: typeof code === 'string' || typeof code === 'number' ? String(code).slice(0, 100) : null,
    type: typeof type === 'string' ? type.slice(0, 100) : null,
    rpcCode: typeof code === 'number' && code > 0 && code < 17 ? code : null,
    members: error,
  }
}

function plainError(text: string): ErrorBody {
  return { message: cleanText(text), code: null, type: null, rpcCode: null, members: {} }
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

function readText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
