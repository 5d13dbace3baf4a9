import type { ImageModel } from '../../catalogue/image-model.ts'
import type { ImageRequest } from '../../catalogue/image-request.ts'
import type { ReadContext, ReplyDialect, WireOptions } from '../dialects/dialect.ts'
import { ProviderFailure } from '../failure.ts'
import type { OpenSink, ReplyEvent } from '../reply.ts'
import type { Deadline } from '../transport/deadline.ts'
import type { HttpReply, HttpRequest } from '../transport/transport.ts'
import { type ReplySpool, teeIntoSpool, writeSpoolHead } from './spooled-reply.ts'

export interface CallOptions<T> {
  signal: AbortSignal
  /** For the whole call, whatever arrives meanwhile. */
  totalTimeoutMs: number
  /** Between two pieces of the reply. */
  idleTimeoutMs: number
  clientRequestId: string
  /**
   * Awaited once per call: the connection is there, and no byte of a paid request has left. If it throws, nothing is
   * sent and the error comes out as it is. A call that never gets a connection never calls it.
   */
  onSend(): Promise<void>
  /** Dialects with operations of their own: awaited for each before it is asked for. */
  onSubmitted?(upstreamOperationId: string): Promise<void>
  spool: ReplySpool
  openSink: OpenSink<T>
}

/** Everything that one call of one model needs. */
export interface ProviderCall<T> {
  model: ImageModel
  request: ImageRequest
  options: CallOptions<T>
  wire: WireOptions
  deadline: Deadline
  context: ReadContext<T>
  /** Sends with the provider's credentials. */
  send(request: HttpRequest, onSend?: () => Promise<void>): Promise<HttpReply>
}

/** One request, one reply. */
export async function* callOnce<T>(
  dialect: ReplyDialect,
  call: ProviderCall<T>,
): AsyncGenerator<ReplyEvent<T>> {
  const { model, request, options, wire, context } = call
  const { spool } = options
  const reply = await call.send(dialect.describe(model, request, wire), () => options.onSend())
  const { status, headers } = reply
  await writeSpoolHead(spool, { status, headers })
  yield { type: 'responded', httpStatus: status, upstreamRequestId: headers['x-request-id'] ?? null }
  const spooled = { ...reply, body: teeIntoSpool(reply.body, spool) }
  try {
    for await (const event of dialect.read(spooled, context)) {
      if (event.type === 'completed') await spool.end()
      yield event
    }
  } catch (error) {
    // The reply is whole and says no: read again after a crash it says the same.
    if (error instanceof ProviderFailure && error.certainty !== 'UNKNOWN') await spool.end()
    throw error
  }
}
