import type { ImageModel } from '../../catalogue/image-model.ts'
import type { ImageRequest } from '../../catalogue/image-request.ts'
import type { ReportedCost } from '../../catalogue/reported-usage.ts'
import type { ProviderFailure } from '../failure.ts'
import type { Sorter } from '../failures/http-failure.ts'
import { isRecord } from '../transport/is-record.ts'
import { isStorable } from '../transport/storable-text.ts'
import type { HttpRequest } from '../transport/transport.ts'

/**
 * How a dialect speaks of jobs. A job makes one image, so `n` images are `n` jobs. Pure: no sockets, no credentials,
 * no retries.
 */
export interface PolledJob {
  /** The pauses before the polls; the last one repeats. */
  pollIntervalsMs: readonly number[]
  /** The members of an answer that hold an image as base64. */
  imageKeys: readonly string[]
  /** `index` counts the images of a request: the same seed would make the same image. */
  describeSubmit(model: ImageModel, request: ImageRequest, at: { index: number; baseUrl: URL }): HttpRequest
  /** The handle for polling the job; null where a successful answer holds none. */
  readSubmitted(body: unknown): JobHandle | null
  describePoll(job: JobHandle, baseUrl: URL): HttpRequest
  readPoll(answer: PollAnswer, sorter: Sorter): JobState
}

/** The handle for polling a job, kept as JSON with the attempt: its id, and what else its dialect needs. */
export interface JobHandle {
  /** The upstream's id of the job. */
  id: string
  [more: string]: string | number
}

/** Whether a handle can be stored unchanged. A job with another handle could not be polled after a crash. */
export function isJobHandle(value: unknown): value is JobHandle {
  if (!isRecord(value) || typeof value.id !== 'string' || value.id === '' || value.id.length >= 256)
    return false
  return Object.values(value).every((part) =>
    typeof part === 'string'
      ? part.length <= maxPartLength && isStorable(part)
      : typeof part === 'number' && Number.isFinite(part),
  )
}

/** A longer text is no address. */
const maxPartLength = 8192

export interface PollAnswer {
  job: JobHandle
  status: number
  /** The body as JSON, with image slots in the place of images; undefined when it is none. */
  body: unknown
}

export type JobState =
  /** Also for an unknown state, and for an answer without a state. */
  | { type: 'pending' }
  | ({ type: 'image'; image: unknown } & JobFacts)
  | ({ type: 'address'; address: string } & JobFacts)
  | { type: 'failed'; failure: ProviderFailure }

export interface JobFacts {
  modelVersion?: string | null
  /** What the upstream charged for the job. */
  cost?: ReportedCost | null
}
