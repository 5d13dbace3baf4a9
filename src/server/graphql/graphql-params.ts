import type { GraphQLParams } from 'graphql-yoga'
import { EaselError } from '../../errors.ts'
import { isRecord } from '../../is-record.ts'
import type { Exchange } from '../http/exchange.ts'
import { type JsonLimits, parseJson } from '../http/json-limits.ts'
import { readJson } from '../http/request-body.ts'
import type { ServerLimits } from '../server-limits.ts'

export type BodyKind = 'query' | 'json' | 'multipart'

/**
 * How a request carries the parameters of GraphQL. Form-encoded and plain text bodies are not accepted at all: a foreign
 * page can send those without a preflight.
 */
export function bodyKindOf({ method, headers }: Request): BodyKind {
  if (method === 'GET') return 'query'
  const [mediaType = ''] = (headers.get('content-type') ?? '').split(';')
  if (mediaType.trim().toLowerCase() === 'application/json') return 'json'
  if (mediaType.trim().toLowerCase() === 'multipart/form-data') return 'multipart'
  throw new EaselError('BAD_USER_INPUT', 'Send GraphQL as application/json or multipart/form-data', {
    reason: 'UNSUPPORTED_MEDIA_TYPE',
    allowed: ['application/json', 'multipart/form-data'],
  })
}

export function readQueryParams({ searchParams }: URL, limits: JsonLimits): GraphQLParams {
  const readObject = (name: string) => {
    const text = searchParams.get(name)
    if (text === null || text === '') return undefined
    const malformed = (cause: unknown) => invalid(`The parameter "${name}" is not valid JSON`, { cause })
    return parseJson({ text, limits, malformed })
  }
  const params = {
    query: searchParams.get('query') ?? undefined,
    documentId: searchParams.get('documentId') ?? undefined,
    operationName: searchParams.get('operationName') || undefined,
    variables: readObject('variables'),
    extensions: readObject('extensions'),
  }
  return params as GraphQLParams
}

export async function readJsonParams(exchange: Exchange, limits: ServerLimits): Promise<GraphQLParams> {
  return checkParams(await readJson(exchange, limits.maxJsonBytes, limits))
}

/** Yoga checks the parameters' types, except the operation's name, which some clients leave empty. */
export function checkParams(body: unknown): GraphQLParams {
  if (Array.isArray(body)) throw invalid('Send one operation for each request: batching is not supported')
  if (!isRecord(body)) throw invalid('The request body must be a JSON object')
  const { operationName } = body
  if (operationName != null && typeof operationName !== 'string')
    throw invalid('"operationName" must be a string')
  return (operationName === '' ? { ...body, operationName: null } : body) as GraphQLParams
}

/**
 * Clients with automatic persisted queries send the hash of a query first, and the query once they are told by this
 * message or this code: https://www.apollographql.com/docs/apollo-server/performance/apq.
 */
export function refuseHashAlone({ query, extensions }: GraphQLParams): void {
  if (query || !isRecord(extensions) || !extensions.persistedQuery) return
  throw new EaselError('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported', {
    reason: 'PERSISTED_QUERY_NOT_SUPPORTED',
  })
}

function invalid(message: string, options?: ErrorOptions): EaselError {
  return new EaselError('BAD_USER_INPUT', message, { reason: 'GRAPHQL_REQUEST_INVALID' }, options)
}
