import type { DocumentNode, GraphQLSchema } from 'graphql'
import { createYoga } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import type { Viewer } from '../../accounts/viewer.ts'
import { EaselError } from '../../errors.ts'
import type { RateState } from '../../rate-counter.ts'
import type { ContextBase } from '../../schema/context.ts'
import type { Exchange } from '../http/exchange.ts'
import type { ServerLimits } from '../server-limits.ts'
import { deliverResults } from '../stream/result-delivery.ts'
import type { ReservedStream, StreamRegistry } from '../stream/stream-registry.ts'
import type { StageUpload } from '../upload/multipart-request.ts'
import { documentPlugin } from './document-plugin.ts'
import type { CallContext, CallPlugin, GraphQLCall } from './graphql-call.ts'
import { isStream, presentResult, type ResultScope, withoutBatches } from './graphql-result.ts'
import { InlineBudget } from './inline-budget.ts'
import { InlineImages, noImages } from './inline-images.ts'
import { requestPlugin } from './request-plugin.ts'
import { spliceResponse } from './spliced-text.ts'
import { type TrustedDocuments, trustPlugin } from './trusted-documents.ts'

export interface GraphQLEndpointOptions {
  schema: GraphQLSchema
  createContext(base: ContextBase): object
  stage: StageUpload
  streams: StreamRegistry
  limits: ServerLimits
  introspection: boolean
  admitViewer(viewer: Viewer, asked: { requests: number }): RateState | null
  trustedDocuments?: TrustedDocuments | null | undefined
  log: Logger
  onUploadBytes(count: number): void
}

export interface GraphQLEndpoint {
  handle(exchange: Exchange, viewer: Viewer, shared: ReservedStream | null): Promise<Response>
}

/** Enough for a few thousand different documents of a frontend. */
const cachedDocumentChars = 4_000_000

export function createGraphQLEndpoint(options: GraphQLEndpointOptions): GraphQLEndpoint {
  const { trustedDocuments, log, limits } = options
  const { maxBase64Bytes: maxBytes } = limits
  const budget = new InlineBudget(limits.maxBase64BytesPerUser)
  const trust = trustedDocuments ? [trustPlugin(trustedDocuments, log)] : []
  const yoga = createYoga<CallContext, object>({
    schema: options.schema,
    context: ({ call }) => options.createContext(contextBase(call)),
    plugins: [documentPlugin(options), ...trust, requestPlugin(options), resultPlugin(options)],
    parserAndValidationCache: {
      documentCache: createDocumentCache<DocumentNode>(),
      errorCache: createDocumentCache<Error>(),
    },
    // Errors pass through `presentFailure` with their results, where the request they belong to is known.
    maskedErrors: false,
    logging: false,
    multipart: false,
    maxRequestBodySize: false,
    batching: false,
    cors: false,
    landingPage: false,
    healthCheckEndpoint: '/unused',
    graphiql: false,
    fetchAPI: { Request, Response, Headers, ReadableStream, TextEncoder },
  })

  return {
    async handle(exchange, viewer, shared) {
      const call = openCall({ exchange, viewer, shared, budget, maxBytes })
      try {
        return await putImagesIn(await yoga.fetch(plainRequest(exchange), { call }), call)
      } catch (error) {
        call.inline.close()
        throw error
      } finally {
        if (shared && call.operationId !== null) shared.starting.delete(call.operationId)
        void putAway(call, log)
      }
    },
  }

  /**
   * The body is read by our own parsers, and without the client's signal: Yoga would give up on a request whose client
   * left, while its mutation still works with the uploads.
   */
  function plainRequest({ method, url, request: { headers } }: Exchange): Request {
    return new Request(new URL(`/graphql${url.search}`, url), { method, headers })
  }
}

/** The room on the disk is the user's again when the files are gone. */
async function putAway({ files, share }: GraphQLCall, log: Logger): Promise<void> {
  const leftBehind = (error: unknown) => log.error({ error }, 'a staged upload was left behind')
  await Promise.all(files.map((file) => file.discard().catch(leftBehind)))
  share?.release()
}

/** Parsed documents by their source. The cache is limited by bytes, since documents differ in size a thousandfold. */
function createDocumentCache<Value extends object>(): LRUCache<string, Value> {
  return new LRUCache({ maxSize: cachedDocumentChars, sizeCalculation: (_, source) => source.length + 1 })
}

interface CallOptions extends Pick<GraphQLCall, 'exchange' | 'viewer' | 'shared'> {
  budget: InlineBudget
  maxBytes: number
}

function openCall({ exchange, viewer, shared, budget, maxBytes }: CallOptions): GraphQLCall {
  const abort = new AbortController()
  const isStreamed = () => shared !== null || exchange.operationKind === 'subscription'
  const inline = new InlineImages({ maxBytes, budget, userId: viewer.userId, isStreamed })
  // An operation on a shared stream outlives the request that started it.
  if (!shared)
    exchange.signal.addEventListener('abort', () => abort.abort(exchange.signal.reason), { once: true })
  const idempotencyKey = readIdempotencyKey(exchange.request.headers)
  const blank = {
    operationId: null,
    params: null,
    document: undefined,
    strangerHash: null,
    files: [],
    accepted: [],
    share: null,
    images: noImages,
  }
  return { exchange, viewer, shared, abort, idempotencyKey, inline, ...blank }
}

/** RFC draft "Idempotency-Key": a client's own string; Stripe's limit of 255 characters. */
function readIdempotencyKey(headers: Headers): string | null {
  const key = headers.get('idempotency-key')
  if (key === null || /^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw new EaselError(
    'BAD_USER_INPUT',
    'The header Idempotency-Key must have 1 to 255 printable characters',
    { reason: 'IDEMPOTENCY_KEY_MALFORMED' },
  )
}

function contextBase(call: GraphQLCall): ContextBase {
  const { viewer, idempotencyKey, abort, inline, accepted } = call
  return { viewer, idempotencyKey, signal: abort.signal, inline: inline.add.bind(inline), accepted }
}

/** What is held for the answer is given back when it is out, or its client is gone. */
async function putImagesIn(response: Response, { exchange, inline, images }: GraphQLCall): Promise<Response> {
  if (images.size > 0) {
    const answer = { response, images, signal: exchange.signal }
    return await spliceResponse(answer, { onGone: () => inline.close() })
  }
  inline.close()
  return response
}

/** Turns results into the response: with errors as clients see them, as JSON or on an event stream. */
function resultPlugin({ schema, streams, introspection, log }: GraphQLEndpointOptions): CallPlugin {
  return {
    onResultProcess({ result, setResult, setResultProcessor, serverContext: { call } }) {
      const results = withoutBatches(result)
      const { requestId } = call.exchange
      const scope: ResultScope = {
        schema,
        log,
        requestId,
        document: call.document,
        variables: call.params?.variables,
        accepted: call.accepted,
        hideSuggestions: !introspection,
      }
      const response = deliverResults({ call, results, scope, streams })
      if (response) setResultProcessor(() => response, 'text/event-stream')
      else if (!isStream(results)) {
        call.images = call.inline.take()
        setResult(presentResult(results, scope))
      }
    },
  }
}
