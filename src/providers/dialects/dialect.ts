import type { ImageModel } from '../../catalogue/image-model.ts'
import type { ImageRequest } from '../../catalogue/image-request.ts'
import type { KnownModels } from '../../catalogue/model-registry.ts'
import type { Authorize } from '../credentials.ts'
import type { ProviderFailure } from '../failure.ts'
import type { UpstreamAnswer } from '../failures/error-body.ts'
import type { ImageSink, OpenSink, ReplyEvent } from '../reply.ts'
import type { HttpReply, HttpRequest } from '../transport/transport.ts'

/** How one provider is spoken to, apart from its credentials. */
export interface WireOptions {
  baseUrl: URL
  /** What a form calls several images: `image[]` at OpenAI, `image` at some proxies. */
  multiImageField: 'image[]' | 'image'
  maskField: string
  /** `always`: base64 is asked for, as servers that default to addresses want. `never`: such a server refuses the field. */
  responseFormat: 'as asked' | 'always' | 'never'
  /** Some servers refuse a stream without partial images (new-api#1234). */
  forcePartialImages: boolean
  /** Texts that a server would take for commands of its own. */
  stripFromPrompt: RegExp | null
}

/** What is known of a provider before an operator says more. Its models speak its dialect unless they say otherwise. */
export interface Preset extends KnownModels {
  /** Null when only the operator can know it. */
  baseUrl: string | null
  /** The headers that say who calls. */
  authorize: Authorize
  needsFolder: boolean
  /** The folder goes out as the project of the credentials. */
  folderIsProject?: boolean
  wire: Partial<Omit<WireOptions, 'baseUrl'>>
}

export interface ReadContext<T> {
  request: ImageRequest
  openSink: OpenSink<T>
  /** Sorts an answer without a usable image: the dialect's own codes first, then HTTP's rules. */
  sort(answer: UpstreamAnswer): ProviderFailure
  maxTextBytes: number
  maxEventBytes: number
  now(): Date
  /** Fetches an image from an address of the upstream. Each try gets a sink of its own. */
  download(address: string, open: () => ImageSink<T>): Promise<T>
}

/** Pure: a request in, its description out; bytes in, events out. No sockets, no credentials, no retries. */
export interface ReplyDialect {
  describe(model: ImageModel, request: ImageRequest, wire: WireOptions): HttpRequest
  /** Throws a ProviderFailure when no image came. */
  read<T>(reply: HttpReply, context: ReadContext<T>): AsyncGenerator<ReplyEvent<T>>
}
