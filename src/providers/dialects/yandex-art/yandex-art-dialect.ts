import type { ImageModel } from '../../../catalogue/image-model.ts'
import type { ImageRequest } from '../../../catalogue/image-request.ts'
import { parseSize, reduceRatio } from '../../../catalogue/wire-size.ts'
import type { JobState } from '../../exchanges/job.ts'
import { polledJob } from '../../exchanges/polled-job.ts'
import { ProviderFailure } from '../../failure.ts'
import type { Sorter } from '../../failures/http-failure.ts'
import { addressBelow } from '../../transport/address-below.ts'
import { isRecord } from '../../transport/is-record.ts'
import { createJsonBody } from '../../transport/json-body.ts'
import type { HttpRequest } from '../../transport/transport.ts'
import type { Dialect } from '../dialect.ts'
import { sortYandexArtFailure } from './yandex-art-failures.ts'
import { yandexArtModel } from './yandex-art-models.ts'

/*
 * imageGenerationAsync of Yandex Foundation Models: a request starts an operation, which is asked for until it is
 * done. One operation makes one image, so `n` images are `n` operations. 64-bit integers travel as strings.
 */

const seedCount = 2n ** 63n

export const yandexArt: Dialect = {
  name: 'yandex-art',
  exchange: polledJob({
    // The pauses of Yandex's own client (10 s), approached faster: most images take a few seconds.
    pollIntervalsMs: [1000, 2000, 3000, 5000, 10_000],
    imageKeys: ['image'],
    describeSubmit,
    readSubmitted: (body) => (isRecord(body) && typeof body.id === 'string' ? { id: body.id } : null),
    describePoll: ({ id }, baseUrl) => ({
      method: 'GET',
      url: addressBelow(baseUrl, `operations/${encodeURIComponent(id)}`),
      headers: { accept: 'application/json' },
      body: null,
    }),
    readPoll: ({ status, body }, sorter) =>
      status === 200 ? readOperation(body, sorter) : { type: 'pending' },
  }),
  sends: {
    byKind: { GENERATE: new Set(['prompt', 'messages', 'size', 'seed', 'aspectRatio', 'mimeType']) },
    largestSeed: seedCount - 1n,
  },
  sortFailure: sortYandexArtFailure,
  bill: 'never',
  sandbox: { path: '/', models: [yandexArtModel] },
}

function describeSubmit(
  model: ImageModel,
  request: ImageRequest,
  { index, baseUrl }: { index: number; baseUrl: URL },
): HttpRequest {
  const options = {
    mimeType: request.mimeType ?? 'image/jpeg',
    ...(request.seed === null ? {} : { seed: String(distinctSeed(request.seed, index)) }),
    ...toAspectRatio(request),
  }
  const body = { modelUri: model.upstreamName, messages: toMessages(request), generationOptions: options }
  return {
    method: 'POST',
    url: addressBelow(baseUrl, 'foundationModels/v1/imageGenerationAsync'),
    headers: { accept: 'application/json' },
    body: createJsonBody(body),
  }
}

/** The same seed makes the same image. Zero means a random one, and is never reached by counting up. */
function distinctSeed(seed: bigint, index: number): bigint {
  if (seed === 0n) return 0n
  return ((seed - 1n + BigInt(index)) % (seedCount - 1n)) + 1n
}

/** A weight of 1 goes out as the official samples have it; it means nothing. */
function toMessages({ prompt, messages }: ImageRequest) {
  if (!messages) return [{ text: prompt ?? '' }]
  return messages.map(({ text, weight }) => (weight === null ? { text } : { text, weight: String(weight) }))
}

function toAspectRatio({ aspectRatio, size }: ImageRequest) {
  if (aspectRatio) {
    const { widthRatio, heightRatio } = aspectRatio
    return { aspectRatio: { widthRatio: String(widthRatio), heightRatio: String(heightRatio) } }
  }
  const dimensions = size === null ? null : parseSize(size)
  if (!dimensions) return {}
  const { width, height } = reduceRatio(dimensions)
  return { aspectRatio: { widthRatio: String(width), heightRatio: String(height) } }
}

/** `error` may come before `done` (the rollback of a failure); an error with code 0 is none. */
function readOperation(value: unknown, { sort }: Sorter): JobState {
  if (!isRecord(value)) return failed('UPSTREAM_INVALID_RESPONSE')
  const { error, done, response } = value
  if (isRecord(error) && error.code !== 0 && Object.keys(error).length > 0)
    return { type: 'failed', failure: sort({ status: 200, headers: {}, json: { error }, text: '' }) }
  if (done !== true) return { type: 'pending' }
  if (!isRecord(response)) return failed('UPSTREAM_INVALID_RESPONSE')
  if (!response.image) return failed('NO_IMAGE')
  const version = response.modelVersion
  return {
    type: 'image',
    image: response.image,
    modelVersion: typeof version === 'string' && version ? version : null,
  }
}

function failed(reason: 'UPSTREAM_INVALID_RESPONSE' | 'NO_IMAGE'): JobState {
  return { type: 'failed', failure: new ProviderFailure({ certainty: 'FAILED', reason }) }
}
