/** A refusal as `google.rpc.Status`. */
export class StatusError extends Error {
  readonly code: number
  readonly headers: Record<string, string>

  constructor(code: number, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.name = 'StatusError'
    this.code = code
    this.headers = headers
  }

  get status(): number {
    return httpStatuses[this.code] ?? 500
  }
}

/** The codes of google.rpc.Code the sandbox uses. */
export const statusCodes = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

const httpStatuses: Record<number, number> = { 3: 400, 5: 404, 7: 403, 8: 429, 13: 500, 14: 503, 16: 401 }

export function bodyOfStatus(error: StatusError, requestId: string) {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId }]
  return { code: error.code, message: error.message, details }
}
