import type { GraphQLParams } from 'graphql-yoga'
import { EaselError } from '../../errors.ts'
import type { ServerLimits } from '../server-limits.ts'
import type { ReservedStream } from '../stream/stream-registry.ts'
import { receiveMultipart, type StageUpload } from '../upload/multipart-request.ts'
import { createUploadShares } from '../upload/upload-shares.ts'
import type { CallPlugin, GraphQLCall } from './graphql-call.ts'
import {
  bodyKindOf,
  checkParams,
  readJsonParams,
  readQueryParams,
  refuseHashAlone,
} from './graphql-params.ts'
import { createTrust, type TrustedDocuments } from './trusted-documents.ts'

export interface RequestPluginOptions {
  stage: StageUpload
  limits: ServerLimits
  trustedDocuments?: TrustedDocuments | null | undefined
  onUploadBytes(count: number): void
}

/** Reads the parameters of an operation with parsers that stop at a limit. */
export function requestPlugin(options: RequestPluginOptions): CallPlugin {
  const { stage, limits, onUploadBytes } = options
  const trust = options.trustedDocuments ? createTrust(options.trustedDocuments) : null
  const shares = createUploadShares(limits)
  async function readMultipart(call: GraphQLCall): Promise<GraphQLParams> {
    const { userId } = call.viewer
    const share = await shares.open(userId, call.exchange.signal)
    call.share = share
    try {
      const { params, files } = await receiveMultipart(call.exchange, {
        stage,
        limits,
        userId,
        share,
        onBytes: onUploadBytes,
      })
      call.files = files
      return checkParams(params)
    } finally {
      share.endBody()
    }
  }
  async function readParams(call: GraphQLCall): Promise<GraphQLParams> {
    const kind = bodyKindOf(call.exchange.request)
    if (kind === 'query') return readQueryParams(call.exchange.url, limits)
    return kind === 'json' ? readJsonParams(call.exchange, limits) : readMultipart(call)
  }
  return {
    onRequestParse({ setRequestParser, serverContext: { call } }) {
      setRequestParser(async () => {
        call.params = await readParams(call)
        if (call.shared) nameOperation(call, call.shared, limits.maxOperationsPerStream)
        if (trust) Object.assign(call, trust(call.params))
        refuseHashAlone(call.params)
        return call.params
      })
    },
  }
}

function nameOperation(call: GraphQLCall, { stream, starting }: ReservedStream, maxOperations: number): void {
  const id = (call.params?.extensions as { operationId?: unknown } | null | undefined)?.operationId
  if (typeof id !== 'string' || id === '' || id.length > 128) {
    throw new EaselError('BAD_USER_INPUT', 'An operation on a shared stream needs "extensions.operationId"', {
      reason: 'OPERATION_ID_MISSING',
    })
  }
  if (stream.has(id) || starting.has(id)) {
    throw new EaselError('BAD_USER_INPUT', 'An operation with this id is running', {
      reason: 'OPERATION_ID_TAKEN',
    })
  }
  if (stream.size + starting.size >= maxOperations) {
    throw new EaselError('RATE_LIMITED', 'Too many operations run on this stream', {
      reason: 'TOO_MANY_OPERATIONS',
      allowed: maxOperations,
    })
  }
  starting.set(id, call.abort)
  call.operationId = id
}
