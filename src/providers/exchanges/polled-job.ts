import type { ReadContext } from '../dialects/dialect.ts'
import {
  createOperationReader,
  describePoll,
  describeSubmit,
  type OperationState,
  readOperation,
  readSubmitted,
} from '../dialects/yandex-art/yandex-art-dialect.ts'
import { ProviderFailure } from '../failure.ts'
import type { ReplyEvent } from '../reply.ts'
import { describeAbort, sleep } from '../transport/deadline.ts'
import { ImageSlot } from '../transport/image-slot.ts'
import { isRecord } from '../transport/is-record.ts'
import { JsonTooLarge, MalformedJson } from '../transport/json-reader.ts'
import type { HttpReply } from '../transport/transport.ts'
import { readRefusal } from './reply-body.ts'
import type { ProviderCall } from './single-reply.ts'
import { teeIntoSpool, writeSpoolHead } from './spooled-reply.ts'

export interface Pacing {
  /** The pauses before each question; the last one repeats. */
  pollIntervalsMs: readonly number[]
  random(): number
}

/** Submits every operation, then asks until each is done. */
export async function* callYandexArt<T>(
  call: ProviderCall<T>,
  pacing: Pacing,
): AsyncGenerator<ReplyEvent<T>> {
  const { options, request } = call
  let sent: Promise<void> | null = null
  const onSend = () => {
    sent ??= options.onSend()
    return sent
  }
  const submitted: string[] = []
  let failure: ProviderFailure | null = null
  for (let index = 0; index < request.n && !failure; index++) {
    try {
      const reply = await call.send(describeSubmit(call.model, request, { index, wire: call.wire }), onSend)
      if (index === 0) yield responded(reply)
      submitted.push(await readSubmitted(reply, call.context))
    } catch (error) {
      // With one operation under way the call is paid for: what is left of it fails alone.
      if (submitted.length === 0 || !(error instanceof ProviderFailure)) throw error
      failure = error.certainty === 'UNKNOWN' ? error : error.but({ certainty: 'FAILED' })
      break
    }
    await options.onSubmitted?.(submitted.at(-1) ?? '')
  }
  yield* follow({ call, pacing, upstreamOperationIds: submitted, failure })
}

/** Asks for operations that were submitted before; it never submits. */
export async function* resumeYandexArt<T>(
  call: ProviderCall<T>,
  pacing: Pacing,
  upstreamOperationIds: readonly string[],
): AsyncGenerator<ReplyEvent<T>> {
  yield* follow({ call, pacing, upstreamOperationIds, failure: cutOff() })
}

/** The process that submitted may have died within a submit. */
function cutOff(): ProviderFailure {
  return new ProviderFailure({ certainty: 'UNKNOWN', reason: 'UPSTREAM_OUTCOME_UNKNOWN' })
}

function responded(reply: HttpReply): ReplyEvent<never> {
  return {
    type: 'responded',
    httpStatus: reply.status,
    upstreamRequestId: reply.headers['x-request-id'] ?? null,
  }
}

interface Following<T> {
  call: ProviderCall<T>
  pacing: Pacing
  upstreamOperationIds: readonly string[]
  /** Why there are fewer operations than images asked for. */
  failure: ProviderFailure | null
}

async function* follow<T>({
  call,
  pacing,
  upstreamOperationIds,
  failure,
}: Following<T>): AsyncGenerator<ReplyEvent<T>> {
  const { spool } = call.options
  const results = new OperationResults(call.context)
  const pending = new Map(upstreamOperationIds.map((id, index) => [index, id]))
  await writeSpoolHead(spool, { status: 200, headers: {}, upstreamOperationIds: [...upstreamOperationIds] })
  let isSpoolWhole = true
  try {
    for (let round = 0; pending.size > 0; round++) {
      await pause(call, pacing, round)
      for (const [index, id] of pending) {
        const answer = await ask({ call, id, index, results })
        isSpoolWhole &&= answer.isSpoolWhole
        if (answer.state.type === 'pending') continue
        pending.delete(index)
        yield* results.take(index, answer.state)
      }
    }
  } finally {
    await results.discardAll(new Error('The operations are no longer followed'))
  }
  if (failure) yield* results.failRest(upstreamOperationIds.length, failure)
  // A spool with a cut answer in it is worth less than asking again.
  if (isSpoolWhole) await spool.end()
  yield results.conclude()
}

async function pause<T>(
  call: ProviderCall<T>,
  { pollIntervalsMs, random }: Pacing,
  round: number,
): Promise<void> {
  const interval = pollIntervalsMs[Math.min(round, pollIntervalsMs.length - 1)] ?? 10_000
  try {
    await sleep(interval * (1 + random() * 0.2), call.deadline.signal)
  } catch (cause) {
    throw new ProviderFailure({ certainty: 'UNKNOWN', ...describeAbort(cause) })
  }
}

interface Question<T> {
  call: ProviderCall<T>
  id: string
  index: number
  results: OperationResults<T>
}

/** A question costs nothing: what goes wrong with it is no answer, and it is asked again until the deadline. */
async function ask<T>({
  call,
  id,
  index,
  results,
}: Question<T>): Promise<{ state: OperationState; isSpoolWhole: boolean }> {
  let isSpoolWhole = true
  try {
    const reply = await call.send(describePoll(id, call.wire))
    if (reply.status !== 200) return { state: await readRefusedPoll(reply, call.context), isSpoolWhole }
    isSpoolWhole = false
    const value = await results.read(index, teeIntoSpool(reply.body, call.options.spool))
    await call.options.spool.write(Buffer.from('\n'))
    isSpoolWhole = true
    return { state: readOperation(value, call.context), isSpoolWhole }
  } catch (error) {
    await results.discard(index, error)
    if (error instanceof JsonTooLarge) return { state: tooLarge(error), isSpoolWhole }
    const isTransient = error instanceof ProviderFailure || error instanceof MalformedJson
    if (!isTransient || call.deadline.signal.aborted) throw error
    if (error instanceof ProviderFailure && error.certainty === 'FAILED')
      return { state: { type: 'failed', failure: error }, isSpoolWhole }
    return { state: { type: 'pending' }, isSpoolWhole }
  }
}

function tooLarge(cause: Error): OperationState {
  const failure = new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_RESPONSE_TOO_LARGE', cause })
  return { type: 'failed', failure }
}

/** Results are kept for three days; an id that is not known is one that is gone. Keys can be renewed meanwhile. */
async function readRefusedPoll<T>(reply: HttpReply, context: ReadContext<T>): Promise<OperationState> {
  const failure = await readRefusal(reply, context)
  if (reply.status === 404 || reply.status === 410) {
    return { type: 'failed', failure: new ProviderFailure({ certainty: 'FAILED', reason: 'RESULT_EXPIRED' }) }
  }
  const mayPass = reply.status >= 500 || [401, 403, 408, 429].includes(reply.status)
  return mayPass ? { type: 'pending' } : { type: 'failed', failure: failure.but({ certainty: 'FAILED' }) }
}

/** The images of several operations, each with its own reply. */
class OperationResults<T> {
  readonly #context: ReadContext<T>
  readonly #readers = new Map<number, ReturnType<typeof createOperationReader<T>>>()
  readonly #failures: ProviderFailure[] = []
  #images = 0
  #modelVersion: string | null = null

  constructor(context: ReadContext<T>) {
    this.#context = context
  }

  async read(index: number, chunks: AsyncIterable<Uint8Array>): Promise<unknown> {
    const open = () => this.#context.openSink({ index, partial: false })
    await this.discard(index, new Error('The operation is asked for again'))
    const reader = createOperationReader(this.#context, open)
    this.#readers.set(index, reader)
    for await (const chunk of chunks) await reader.write(chunk)
    return reader.end()[0]
  }

  async discard(index: number, reason: unknown): Promise<void> {
    await this.#readers.get(index)?.discard(reason)
  }

  async discardAll(reason: unknown): Promise<void> {
    for (const reader of this.#readers.values()) await reader.discard(reason)
  }

  fail(index: number, failure: ProviderFailure): ReplyEvent<T> {
    this.#failures.push(failure)
    return { type: 'imageFailed', index, failure }
  }

  /** Of the operations from here on the first one may have been submitted; those behind it were not. */
  *failRest(from: number, failure: ProviderFailure): Generator<ReplyEvent<T>> {
    for (let index = from; index < this.#context.request.n; index++)
      yield this.fail(index, index === from ? failure : failure.but({ certainty: 'FAILED' }))
  }

  async *take(index: number, state: OperationState): AsyncGenerator<ReplyEvent<T>> {
    if (state.type === 'failed') yield this.fail(index, state.failure)
    if (state.type !== 'done') return
    this.#modelVersion ??= state.modelVersion
    const slot = state.image instanceof ImageSlot ? (state.image as ImageSlot<T>) : null
    const finished = slot ? await slot.finish() : null
    if (!finished) {
      const reason = slot?.isEmpty ? 'NO_IMAGE' : 'UPSTREAM_INVALID_RESULT'
      yield this.fail(index, new ProviderFailure({ certainty: 'FAILED', reason, cause: slot?.fault }))
      return
    }
    this.#images += 1
    yield {
      type: 'image',
      index,
      ...finished,
      revisedPrompt: null,
      facts: { modelVersion: state.modelVersion },
    }
  }

  conclude(): ReplyEvent<T> {
    if (this.#images === 0)
      throw this.#failures[0] ?? new ProviderFailure({ certainty: 'FAILED', reason: 'NO_IMAGE' })
    const created = Math.floor(this.#context.now().getTime() / 1000)
    const unknown = { background: null, outputFormat: null, quality: null, size: null, usage: null }
    return { type: 'completed', facts: { ...unknown, created, modelVersion: this.#modelVersion } }
  }
}

/** Reads spooled answers again: one document after the other, in any order of operations. */
export async function* replayYandexArt<T>(
  reply: HttpReply & { upstreamOperationIds?: string[] },
  context: ReadContext<T>,
): AsyncGenerator<ReplyEvent<T>> {
  const ids = reply.upstreamOperationIds ?? []
  const results = new OperationResults(context)
  let opened = 0
  const reader = createOperationReader(context, () =>
    opened < context.request.n ? context.openSink({ index: opened++, partial: false }) : null,
  )
  let isRead = 0
  try {
    for await (const chunk of reply.body) {
      await reader.write(chunk)
      for (; isRead < reader.documents.length; isRead++) {
        const value = reader.documents[isRead]
        const index = isRecord(value) ? ids.indexOf(String(value.id)) : -1
        yield* results.take(index === -1 ? isRead : index, readOperation(value, context))
      }
    }
    yield* results.failRest(Math.max(ids.length, isRead), cutOff())
    yield results.conclude()
  } finally {
    await reader.discard(new Error('The reply is not whole'))
  }
}
