import type { DocumentNode } from 'graphql'
import type { GraphQLParams } from 'graphql-yoga'
import type { Exchange, ServerViewer } from '../http/exchange.ts'
import type { ReservedStream } from '../stream/stream-registry.ts'
import type { DiscardableImage, UploadedFile } from '../upload/uploaded-file.ts'

/** One GraphQL operation on its way through Yoga, which carries this in its server context. */
export interface GraphQLCall<V extends ServerViewer, S extends DiscardableImage> {
  readonly exchange: Exchange<V>
  readonly viewer: V
  readonly idempotencyKey: string | null
  /** Ends what the operation waits for: the client left, or its stream ended. */
  readonly abort: AbortController
  /** Set in single connection mode: where the results go instead of into the answer. */
  readonly shared: ReservedStream<V> | null
  /** The client's name for the operation in the shared stream. */
  operationId: string | null
  params: GraphQLParams | null
  document: DocumentNode | undefined
  files: UploadedFile<S>[]
}

/** Yoga hands its server context to every hook, typed as its own part of it only. */
export function callOf<V extends ServerViewer, S extends DiscardableImage>(
  context: unknown,
): GraphQLCall<V, S> {
  return (context as { call: GraphQLCall<V, S> }).call
}
