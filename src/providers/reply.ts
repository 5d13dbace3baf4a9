import type { ReportedUsage } from '../catalogue/reported-usage.ts'
import type { ProviderFailure } from './failure.ts'
import type { ImageSink } from './transport/image-sink.ts'

export type { ImageSink } from './transport/image-sink.ts'

/**
 * Called with the first byte of an image. The hint is a guess: an upstream may say which image it is only after its
 * bytes. The event that follows is certain.
 */
export type OpenSink<T> = (hint: { index: number; partial: boolean }) => ImageSink<T>

export interface ReplyFacts {
  /** Unix seconds. */
  created: number | null
  background: string | null
  outputFormat: string | null
  quality: string | null
  size: string | null
  modelVersion: string | null
  usage: ReportedUsage | null
}

export type ReplyEvent<T> =
  | { type: 'responded'; httpStatus: number; upstreamRequestId: string | null }
  | { type: 'partialImage'; index: number; image: T; facts: Partial<ReplyFacts> }
  | { type: 'image'; index: number; image: T; revisedPrompt: string | null; facts: Partial<ReplyFacts> }
  /** One image of several; the operation goes on with the others. */
  | { type: 'imageFailed'; index: number; failure: ProviderFailure }
  /** The last event. The reply is whole in the spool by then. */
  | { type: 'completed'; facts: ReplyFacts }
