import type { ImageModel } from '../../../catalogue/image-model.ts'
import type { ImageRequest, SourceImage } from '../../../catalogue/image-request.ts'
import { parseSize } from '../../../catalogue/wire-size.ts'
import type { JobHandle } from '../../exchanges/job.ts'
import { polledJob } from '../../exchanges/polled-job.ts'
import { addressBelow } from '../../transport/address-below.ts'
import { createImageJsonBody } from '../../transport/image-json-body.ts'
import { isRecord } from '../../transport/is-record.ts'
import type { HttpRequest } from '../../transport/transport.ts'
import type { Dialect } from '../dialect.ts'
import { flux2Pro } from './bfl-models.ts'
import { readCredits, readTask } from './bfl-task.ts'

const seedCount = 2n ** 31n

/*
 * The API of Black Forest Labs (docs.bfl.ai, read 2026-10): a request starts a task, the answer has the address to
 * ask for it at, and a finished task the address of its image, which lives for ten minutes. One task makes one image.
 */
export const bfl: Dialect = {
  name: 'bfl',
  exchange: polledJob({
    // The official sample asks twice a second; the slow models take half a minute.
    pollIntervalsMs: [500, 500, 1000, 1000, 2000, 3000],
    imageKeys: [],
    describeSubmit,
    readSubmitted,
    describePoll: (task, baseUrl) => ({
      method: 'GET',
      url: toPollingUrl(task, baseUrl),
      headers: { accept: 'application/json' },
      body: null,
    }),
    readPoll: readTask,
  }),
  sends: {
    byKind: {
      GENERATE: new Set(['prompt', 'size', 'seed', 'outputFormat']),
      EDIT: new Set(['prompt', 'images', 'size', 'seed', 'outputFormat']),
    },
    largestSeed: seedCount - 1n,
  },
  // HTTP's own statuses suffice: 402 without credits, 422 for a bad request, 429 above 24 tasks at a time.
  sortFailure: () => null,
  bill: 'always',
  sandbox: { path: '/v1', models: [flux2Pro] },
}

function describeSubmit(
  model: ImageModel,
  request: ImageRequest,
  { index, baseUrl }: { index: number; baseUrl: URL },
): HttpRequest {
  const { prompt, seed, outputFormat, images } = request
  const dimensions = request.size === null ? null : parseSize(request.size)
  const members = {
    prompt: prompt ?? '',
    ...dimensions,
    ...(seed !== null && { seed: distinctSeed(seed, index) }),
    ...(outputFormat !== null && { output_format: outputFormat.toLowerCase() }),
  }
  return {
    method: 'POST',
    url: addressBelow(baseUrl, model.upstreamName),
    headers: { accept: 'application/json' },
    body: createImageJsonBody(members, images.map(toInput)),
  }
}

/** The same seed makes the same image. */
function distinctSeed(seed: bigint, index: number): number {
  return Number((seed + BigInt(index)) % seedCount)
}

/** `input_image`, `input_image_2` and so on. */
function toInput(image: SourceImage, at: number): [string, SourceImage] {
  return [at === 0 ? 'input_image' : `input_image_${at + 1}`, image]
}

/** The whole polling address is kept: the global host passes tasks on to clusters, and only that cluster has the task. */
function readSubmitted(body: unknown): JobHandle | null {
  if (!isRecord(body) || typeof body.id !== 'string') return null
  const { id, polling_url: pollingUrl, cost } = body
  const credits = readCredits(cost)
  return {
    id,
    ...(typeof pollingUrl === 'string' && { pollingUrl }),
    ...(credits !== null && { credits }),
  }
}

/** Some polling addresses are relative. Without an address the host that took the task is polled. */
function toPollingUrl({ id, pollingUrl }: JobHandle, baseUrl: URL): URL {
  if (typeof pollingUrl === 'string' && URL.canParse(pollingUrl, baseUrl)) return new URL(pollingUrl, baseUrl)
  return addressBelow(baseUrl, `get_result?id=${encodeURIComponent(id)}`)
}
