import { EaselError } from '../../errors.ts'
import { errorCodes } from '../../reasons/error-codes.ts'
import type { ErrorMeaning } from '../../reasons/meaning.ts'
import { errorReasons } from '../../reasons/reasons.ts'

export interface FailureExtensions {
  code: string
  retryable: boolean
  requestId: string
  [more: string]: unknown
}

export function httpStatusOf(error: EaselError): number {
  const { reason } = error.details
  const meaning: ErrorMeaning | null = reason ? errorReasons[reason] : null
  return meaning?.httpStatus ?? errorCodes[error.code].httpStatus
}

export function failureHeaders(error: EaselError): Record<string, string> {
  const { retryAfterMs, allowedMethods } = error.details
  return {
    ...(retryAfterMs === undefined
      ? {}
      : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
    ...(typeof allowedMethods === 'string' ? { allow: allowedMethods } : {}),
  }
}

/** What a caller may know of an expected error. */
export function failureExtensions(error: EaselError, requestId: string): FailureExtensions {
  const { allowedMethods: _, ...details } = error.details
  const known = Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined))
  return { ...known, code: error.code, retryable: error.retryable, requestId }
}

/** The answer to a request that never reached GraphQL, in GraphQL's own shape. */
export function failureResponse(error: EaselError, requestId: string, accept = ''): Response {
  const graphql = accept.includes('application/graphql-response+json')
  const body = { errors: [{ message: error.message, extensions: failureExtensions(error, requestId) }] }
  return new Response(JSON.stringify(body), {
    status: httpStatusOf(error),
    headers: {
      'content-type': `application/${graphql ? 'graphql-response+json' : 'json'}; charset=utf-8`,
      ...failureHeaders(error),
    },
  })
}

export function methodNotAllowed(method: string, allowedMethods: string): EaselError {
  return new EaselError('BAD_USER_INPUT', `${method.slice(0, 20)} is not possible here`, {
    reason: 'METHOD_NOT_ALLOWED',
    allowed: allowedMethods.split(', '),
    allowedMethods,
  })
}
