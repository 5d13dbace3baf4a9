import type { ImageModel } from '../../catalogue/image-model.ts'
import type { ImageRequest } from '../../catalogue/image-request.ts'
import type { Sorter } from '../failures/http-failure.ts'
import type { OpenSink, ReplyEvent } from '../reply.ts'
import type { Deadline } from '../transport/deadline.ts'
import type { ImageSink } from '../transport/image-sink.ts'
import type { ReplyRecorder } from '../transport/reply-recorder.ts'
import type { HttpReply, HttpRequest } from '../transport/transport.ts'
import type { JobHandle } from './job.ts'
import type { ReplySpool, SpooledReply } from './spooled-reply.ts'

/** How a provider's server differs from others that speak its dialect. */
export interface WireOptions {
  baseUrl: URL
  /** The name of several images in a form: `image[]` at OpenAI, `image` at some proxies. */
  multiImageField: 'image[]' | 'image'
  maskField: string
  /** `always`: base64 is asked for, as servers that default to addresses want. `never`: such a server refuses the field. */
  responseFormat: 'as asked' | 'always' | 'never'
  /** Some servers refuse a stream without partial images (new-api#1234). */
  forcePartialImages: boolean
  /** Whether a bill in a reply is the cost. */
  takesBill: boolean
  /** False: parts of a prompt that the server would take for commands are removed. */
  allowPromptTags: boolean
}

export interface ReadContext<T> extends Sorter {
  request: ImageRequest
  openSink: OpenSink<T>
  maxTextBytes: number
  maxEventBytes: number
  /** How long a stream is read on after its last image, for the usage. */
  usageWaitMs: number
  takesBill: boolean
  now(): Date
  /** Records the reply in its spool; none where it is read from there. */
  recorder?: ReplyRecorder
  /** Fetches an image from an address of the upstream. Each try gets a sink of its own. */
  download(address: string, open: () => ImageSink<T>): Promise<T>
}

export interface CallOptions<T> {
  signal: AbortSignal
  /** The limit of the whole call. */
  totalTimeoutMs: number
  /** The limit between two pieces of the reply. */
  idleTimeoutMs: number
  clientRequestId: string
  /**
   * Awaited once per call, when the connection is open and no byte of a paid request has left. If it throws, nothing is
   * sent and the call throws that error. A call that gets no connection does not call it.
   */
  onSend(): Promise<void>
  /** Exchanges with jobs: awaited for each job before it is asked for. */
  onSubmitted?(job: JobHandle): Promise<void>
  spool: ReplySpool
  openSink: OpenSink<T>
}

/** The parts for reading a reply that has arrived. Its follow-up requests cost nothing. */
export interface ProviderReading<T> {
  wire: WireOptions
  deadline: Deadline
  context: ReadContext<T>
  /** Whether an address is the provider's own, so that its credentials may go there. */
  isOwn(url: URL): boolean
  /** Sends with the provider's credentials. */
  send(request: HttpRequest, onSend?: () => Promise<void>): Promise<HttpReply>
}

/** The parts for one call of one model. */
export interface ProviderCall<T> extends ProviderReading<T> {
  model: ImageModel
  request: ImageRequest
  options: CallOptions<T>
  pacing: Pacing
}

export interface Pacing {
  /** In place of the dialect's own pauses between questions. */
  pollIntervalsMs?: readonly number[] | undefined
  random(): number
}

/** How requests and replies follow each other: one of the patterns that all dialects share. */
export interface Exchange {
  /** Sends a paid request and reads its reply. Throws a ProviderFailure when no image came. */
  call<T>(call: ProviderCall<T>): AsyncGenerator<ReplyEvent<T>>
  /** The events of a reply that was spooled whole, once more. */
  replay<T>(reply: SpooledReply, reading: ProviderReading<T>): AsyncGenerator<ReplyEvent<T>>
  /** Polls jobs that were submitted before, and never submits. Null where an upstream cannot be polled. */
  resume: (<T>(call: ProviderCall<T>, jobs: readonly JobHandle[]) => AsyncGenerator<ReplyEvent<T>>) | null
}

export function toRespondedEvent({ status, headers }: HttpReply): ReplyEvent<never> {
  return { type: 'responded', httpStatus: status, upstreamRequestId: headers['x-request-id'] ?? null }
}
