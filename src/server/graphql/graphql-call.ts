import type { DocumentNode } from 'graphql'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import type { Viewer } from '../../accounts/viewer.ts'
import type { AcceptedOperation } from '../../schema/accepted-operation.ts'
import type { Exchange } from '../http/exchange.ts'
import type { ReservedStream } from '../stream/stream-registry.ts'
import type { UploadShare } from '../upload/upload-shares.ts'
import type { UploadedFile } from '../upload/uploaded-file.ts'
import type { InlineImages, MarkedImages } from './inline-images.ts'

/** One GraphQL operation on its way through Yoga. */
export interface GraphQLCall {
  readonly exchange: Exchange
  readonly viewer: Viewer
  readonly idempotencyKey: string | null
  /** Aborted when the client disconnects or its stream ends; ends whatever the operation waits for. */
  readonly abort: AbortController
  /** The stream that gets the results in single connection mode; otherwise they are in the answer. */
  readonly shared: ReservedStream | null
  /** The client's name for the operation in the shared stream. */
  operationId: string | null
  params: GraphQLParams | null
  document: DocumentNode | undefined
  /** The hash of a text that is not on the list of trusted documents. */
  strangerHash: string | null
  files: UploadedFile[]
  readonly inline: InlineImages
  /** Those of a plain answer. */
  images: MarkedImages
  /** What the files hold of their user's share. */
  share: UploadShare | null
  /** The operations that its mutations brought about so far. */
  readonly accepted: AcceptedOperation[]
}

/** The context that Yoga passes to every hook of a plugin. */
export interface CallContext {
  call: GraphQLCall
}

export type CallPlugin = Plugin<CallContext, CallContext>
