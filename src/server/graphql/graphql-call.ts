import type { DocumentNode } from 'graphql'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import type { Viewer } from '../../accounts/viewer.ts'
import type { Exchange } from '../http/exchange.ts'
import type { ReservedStream } from '../stream/stream-registry.ts'
import type { UploadedFile } from '../upload/uploaded-file.ts'

/** One GraphQL operation on its way through Yoga. */
export interface GraphQLCall {
  readonly exchange: Exchange
  readonly viewer: Viewer
  readonly idempotencyKey: string | null
  /** Ends what the operation waits for: the client left, or its stream ended. */
  readonly abort: AbortController
  /** Set in single connection mode: where the results go instead of into the answer. */
  readonly shared: ReservedStream | null
  /** The client's name for the operation in the shared stream. */
  operationId: string | null
  params: GraphQLParams | null
  document: DocumentNode | undefined
  files: UploadedFile[]
}

/** What Yoga hands to every hook of a plugin. */
export interface CallContext {
  call: GraphQLCall
}

export type CallPlugin = Plugin<CallContext, CallContext>
