import { createHash } from 'node:crypto'
import { type DocumentNode, Kind, parse, visit } from 'graphql'
import type { GraphQLParams } from 'graphql-yoga'
import type { Logger } from 'pino'
import { z } from 'zod'
import { EaselError } from '../../errors.ts'
import { isRecord } from '../../is-record.ts'
import type { CallPlugin } from './graphql-call.ts'

/** Texts of documents by the ids that clients may send in their place. */
export type DocumentList = ReadonlyMap<string, string>

export interface TrustedDocuments {
  list: DocumentList
  /** What becomes of a text that is not on the list; `log` names what `enforce` would refuse. */
  mode: 'off' | 'log' | 'enforce'
  /** The mutations that only a document of the list may call. */
  registeredMutations: readonly string[]
}

const byId = z.record(z.string().min(1), z.string().min(1))
const manifest = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string().min(1), body: z.string().min(1) })),
})

/** Reads what the client preset of GraphQL Code Generator or Apollo's `generate-persisted-query-manifest` wrote. */
export function readDocumentList(text: string): DocumentList {
  const given: unknown = JSON.parse(text)
  const list = isRecord(given) && 'format' in given ? readManifest(given) : new Map(readById(given))
  for (const [id, document] of list) checkText(id, document)
  return list
}

function readById(given: unknown): [string, string][] {
  const { success, data } = byId.safeParse(given)
  if (!success) throw new Error('it must be an object of documents by their hashes')
  return Object.entries(data)
}

function readManifest(given: unknown): DocumentList {
  const { success, data } = manifest.safeParse(given)
  if (!success) throw new Error('its format must be apollo-persisted-query-manifest in version 1')
  return new Map(data.operations.map(({ id, body }) => [id, body]))
}

function checkText(id: string, text: string): void {
  try {
    parse(text, { noLocation: true })
  } catch (cause) {
    throw new Error(`the document ${id.slice(0, 80)} is not GraphQL`, { cause })
  }
}

export interface TrustedRequest {
  params: GraphQLParams
  /** The hash of a text that is not on the list. */
  strangerHash: string | null
}

export type TrustRequest = (params: GraphQLParams) => TrustedRequest

/** Puts the text of a document in the place of its id, and refuses texts that are not on the list where that is asked for. */
export function createTrust({ list, mode }: TrustedDocuments): TrustRequest {
  const hashes = new Set([...list.values()].map(hashOf))
  return (given) => {
    const { documentId, ...params } = given as GraphQLParams & { documentId?: unknown }
    const id = readId(documentId, params.extensions)
    if (!params.query)
      return { params: id === null ? params : { ...params, query: find(list, id) }, strangerHash: null }
    const hash = hashOf(params.query)
    if (id !== null && id !== hash && list.get(id) !== params.query) throw hashMismatch()
    if (hashes.has(hash)) return { params, strangerHash: null }
    if (mode === 'enforce') throw notTrusted('This gateway takes only the documents on its list', hash)
    return { params, strangerHash: hash }
  }
}

/** Without the algorithm that the draft of GraphQL over HTTP writes before a hash. */
function readId(documentId: unknown, extensions: unknown): string | null {
  const persisted = isRecord(extensions) ? extensions.persistedQuery : undefined
  const id = documentId ?? (isRecord(persisted) ? persisted.sha256Hash : persisted)
  if (id === undefined || id === null) return null
  if (typeof id === 'string' && id !== '') return id.replace(/^sha256:/, '')
  throw new EaselError('BAD_USER_INPUT', 'The id of a document must be a text', {
    reason: 'GRAPHQL_REQUEST_INVALID',
  })
}

/** Apollo's and urql's clients know this message, or this code, and send the text then. */
function find(list: DocumentList, id: string): string {
  const text = list.get(id)
  if (text !== undefined) return text
  throw new EaselError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound', {
    reason: 'PERSISTED_QUERY_NOT_FOUND',
  })
}

function hashMismatch(): EaselError {
  return new EaselError('BAD_USER_INPUT', 'The hash is not that of the query', {
    reason: 'PERSISTED_QUERY_MISMATCH',
  })
}

function notTrusted(message: string, hash: string): EaselError {
  return new EaselError('FORBIDDEN', message, { reason: 'DOCUMENT_NOT_TRUSTED', actual: hash })
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** What can be said of a text that is not on the list only when it is read: its operation, and the mutations it calls. */
export function trustPlugin(trusted: TrustedDocuments, log: Pick<Logger, 'warn'>): CallPlugin {
  const { mode, registeredMutations } = trusted
  return {
    onParse({ context: { call } }) {
      return ({ result }) => {
        const { strangerHash, exchange } = call
        if (strangerHash === null || !result || result instanceof Error) return
        if (mode === 'log') {
          const { requestId, operationName } = exchange
          log.warn({ requestId, hash: strangerHash, operationName }, 'a document is not on the list')
        }
        const paid = findMutation(result as DocumentNode, registeredMutations)
        if (paid) throw notTrusted(`"${paid}" is for the documents on the list of this gateway`, strangerHash)
      }
    },
  }
}

/** Whichever operation or fragment calls it: no other type has a field of such a name. */
function findMutation(document: DocumentNode, names: readonly string[]): string | undefined {
  let found: string | undefined
  visit(document, {
    [Kind.FIELD]: ({ name }) => {
      if (names.includes(name.value)) found ??= name.value
    },
  })
  return found
}
