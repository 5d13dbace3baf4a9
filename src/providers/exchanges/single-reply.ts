import type { ImageModel } from '../../catalogue/image-model.ts'
import type { ImageRequest } from '../../catalogue/image-request.ts'
import { ProviderFailure } from '../failure.ts'
import type { ReplyEvent } from '../reply.ts'
import { ReplyRecorder } from '../transport/reply-recorder.ts'
import type { HttpReply, HttpRequest } from '../transport/transport.ts'
import {
  type Exchange,
  type ProviderCall,
  type ReadContext,
  toRespondedEvent,
  type WireOptions,
} from './exchange.ts'
import { writeSpoolHead } from './spooled-reply.ts'

/** One paid POST and one reply. Pure: a request in, its description out; bytes in, events out. */
export interface SingleReply {
  describe(model: ImageModel, request: ImageRequest, wire: WireOptions): HttpRequest
  /** Throws a ProviderFailure when no image came. */
  read<T>(reply: HttpReply, context: ReadContext<T>): AsyncGenerator<ReplyEvent<T>>
}

export function singleReply(dialect: SingleReply): Exchange {
  return {
    call: (call) => callOnce(dialect, call),
    replay: (reply, { context }) => dialect.read(reply, context),
    resume: null,
  }
}

async function* callOnce<T>(dialect: SingleReply, call: ProviderCall<T>): AsyncGenerator<ReplyEvent<T>> {
  const { model, request, options, wire, context } = call
  const { spool } = options
  const reply = await call.send(dialect.describe(model, request, wire), () => options.onSend())
  const { status, headers } = reply
  await writeSpoolHead(spool, { status, headers })
  yield toRespondedEvent(reply)
  const recorder = new ReplyRecorder(spool)
  const recorded = { ...reply, body: recorder.record(reply.body) }
  try {
    for await (const event of dialect.read(recorded, { ...context, recorder })) {
      if (event.type === 'completed') await spool.end()
      yield event
    }
  } catch (error) {
    // The reply is a complete refusal, and would be the same when read again after a crash.
    if (error instanceof ProviderFailure && !error.isOutcomeUnknown) await spool.end()
    throw error
  }
}
