import { PothosValidationError } from '@pothos/core'
import { type DocumentNode, GraphQLError, Kind } from 'graphql'
import type { Logger } from 'pino'
import { EaselError } from '../../errors.ts'
import { describeError } from '../error-description.ts'
import { failureExtensions, failureHeaders, httpStatusOf } from '../http/http-failure.ts'
import { inputPathOf } from './input-path.ts'

export interface FailureScope {
  requestId: string
  log: Pick<Logger, 'error'>
  /** Once resolvers ran, failures are part of a result and the HTTP status stays 200. */
  executed: boolean
  /** What graphql-over-http calls an invalid request: 400, but 200 for a client that accepts `application/json` only. */
  isInvalidRequest?: boolean
  document?: DocumentNode | undefined
}

/** Errors that graphql-js and Yoga raise before execution, by the code that Yoga gives them. */
const protocolCodes = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED'])

/**
 * The one place where an error becomes what a client sees of it. An EaselError keeps its message; any other error is
 * masked, and logged once with its cause.
 */
export function presentFailure(error: unknown, scope: FailureScope): GraphQLError {
  const root = rootOf(error)
  if (root instanceof EaselError) return presentExpected(root, error, scope)
  // Pothos throws an error of its own for an id of another type, and for a page with both `first` and `last`.
  if (root instanceof PothosValidationError) {
    const failure = new EaselError('BAD_USER_INPUT', root.message, { reason: 'ARGUMENT_NOT_VALID' })
    return presentExpected(failure, error, scope)
  }
  if (root instanceof GraphQLError) {
    const failure = presentProtocolError(root, scope) ?? presentInputError(root, error, scope)
    if (failure) return failure
  }
  scope.log.error({ requestId: scope.requestId, error: describeError(root) }, 'unexpected error')
  return presentExpected(
    new EaselError('INTERNAL_SERVER_ERROR', 'Something went wrong in Easel'),
    error,
    scope,
  )
}

function rootOf(error: unknown): unknown {
  let root = error
  while (root instanceof GraphQLError && root.originalError) root = root.originalError
  return root
}

function presentExpected(failure: EaselError, error: unknown, scope: FailureScope): GraphQLError {
  return build(failure.message, error, {
    ...failureExtensions(failure, scope.requestId),
    http: {
      headers: failureHeaders(failure),
      ...(scope.executed ? {} : { status: httpStatusOf(failure), spec: scope.isInvalidRequest === true }),
    },
  })
}

function presentProtocolError(error: GraphQLError, scope: FailureScope): GraphQLError | null {
  const { code, http } = error.extensions as {
    code?: string
    http?: { status?: number; headers?: Record<string, string> }
  }
  if (scope.executed || code === undefined || error.extensions.unexpected) return null
  if (protocolCodes.has(code)) {
    const field = fieldOf(error, scope.document)
    const extensions = { code, ...(field ? { field } : {}), retryable: false, requestId: scope.requestId }
    return build(error.message, error, { ...extensions, http: { status: 400, spec: true } })
  }
  const reason = http?.status === 405 ? 'METHOD_NOT_ALLOWED' : 'GRAPHQL_REQUEST_INVALID'
  const allowedMethods = http?.status === 405 ? http.headers?.Allow : undefined
  return presentExpected(
    new EaselError('BAD_USER_INPUT', error.message, { reason, allowedMethods }),
    error,
    scope,
  )
}

/** graphql-js blames the document or its variables by the node it names; a fault of ours names the field. */
function presentInputError(root: GraphQLError, error: unknown, scope: FailureScope): GraphQLError | null {
  const blamed = root.nodes?.[0]
  if (!blamed || blamed.kind === Kind.FIELD) return null
  const field = fieldOf(root, scope.document)
  const extensions = {
    code: 'BAD_USER_INPUT',
    ...(field ? { field } : {}),
    retryable: false,
    requestId: scope.requestId,
  }
  return build(root.message, error, {
    ...extensions,
    http: scope.executed ? {} : { status: 400, spec: true },
  })
}

function fieldOf({ nodes }: GraphQLError, document: DocumentNode | undefined): string | undefined {
  const [blamed] = nodes ?? []
  return blamed && document ? inputPathOf(document, (node) => node === blamed) : undefined
}

/** A new error, so that neither the original error nor its stack can reach the client. */
function build(message: string, error: unknown, extensions: Record<string, unknown>): GraphQLError {
  const { nodes, source, positions, path } =
    error instanceof GraphQLError ? error : ({} as Partial<GraphQLError>)
  return new GraphQLError(message, { nodes, source, positions, path, extensions })
}
