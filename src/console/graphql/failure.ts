import type { CombinedError } from '@urql/core'

/** An error for the pages: the gateway's error, or that the gateway could not be reached. */
export interface Failure {
  code: string
  message: string
  reason: string | null
  /** The path of the input at fault, e.g. `input.image.0`. */
  field: string | null
  hint: string | null
  allowed: unknown
  actual: unknown
  /** When it may be sent again, by this machine's clock. */
  retryAt: number | null
  requestId: string | null
  /** No answer came, so the same request may be sent again with the same `requestId`. */
  isNetwork: boolean
  retryable: boolean
}

interface RawError {
  message: string
  extensions?: Record<string, unknown> | undefined
}

/** Each error is described once, or the time to wait would begin anew whenever a page is drawn. */
const described = new WeakMap<CombinedError, Failure>()

export function failureOf(error: CombinedError): Failure {
  const failure = described.get(error) ?? describeError(error)
  described.set(error, failure)
  return failure
}

function describeError(error: CombinedError): Failure {
  const [first] = error.graphQLErrors
  if (first) return describeFailure(first)
  const status = (error.response as Response | undefined)?.status
  if (status === 401) return describeFailure({ message: 'Sign in', extensions: { code: 'UNAUTHENTICATED' } })
  return networkFailure(status)
}

export function describeFailure({ message, extensions = {} }: RawError): Failure {
  const text = (name: string) => (typeof extensions[name] === 'string' ? extensions[name] : null)
  return {
    code: text('code') ?? 'INTERNAL_SERVER_ERROR',
    message,
    reason: text('reason'),
    field: text('field'),
    hint: text('hint'),
    allowed: extensions.allowed,
    actual: extensions.actual,
    retryAt: typeof extensions.retryAfterMs === 'number' ? Date.now() + extensions.retryAfterMs : null,
    requestId: text('requestId'),
    isNetwork: false,
    retryable: extensions.retryable === true,
  }
}

export function networkFailure(status?: number): Failure {
  const message = status
    ? `The gateway, or something before it, answered with status ${status}.`
    : 'The gateway cannot be reached.'
  return {
    ...describeFailure({ message, extensions: { code: 'UNREACHABLE' } }),
    isNetwork: true,
    retryable: true,
  }
}

/** The error that carries a failure to the page, which shows it. */
export class FailureError extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.name = 'FailureError'
    this.failure = failure
  }
}
