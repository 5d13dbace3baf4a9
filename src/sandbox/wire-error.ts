export interface WireErrorOptions {
  status?: number
  type?: string
  param?: string | null
  headers?: Record<string, string>
  /** Further members of the error object, such as `moderation_details`. */
  more?: Record<string, unknown>
}

/** A refusal in OpenAI's shape. Codes and wordings follow what the real service is known to answer. */
export class WireError extends Error {
  readonly code: string | null
  readonly status: number
  readonly type: string
  readonly param: string | null
  readonly headers: Record<string, string>
  readonly more: Record<string, unknown>

  constructor(code: string | null, message: string, options: WireErrorOptions = {}) {
    super(message)
    this.name = 'WireError'
    this.code = code
    this.status = options.status ?? 400
    this.type = options.type ?? 'invalid_request_error'
    this.param = options.param ?? null
    this.headers = options.headers ?? {}
    this.more = options.more ?? {}
  }

  get body() {
    return {
      error: { message: this.message, type: this.type, param: this.param, code: this.code, ...this.more },
    }
  }
}

export function refuseInvalid(param: string, message: string): WireError {
  return new WireError('invalid_value', message, { param })
}

export function refuseChoice(param: string, value: string, allowed: readonly string[]): WireError {
  const list = allowed.map((each) => `'${each}'`)
  const last = list.pop() ?? ''
  const text = list.length > 0 ? `${list.join(', ')}, and ${last}` : last
  return refuseInvalid(param, `Invalid value: '${value}'. Supported values are: ${text}.`)
}
