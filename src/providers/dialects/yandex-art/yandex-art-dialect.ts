import type { ImageModel } from '../../../catalogue/image-model.ts'
import type { ImageRequest } from '../../../catalogue/image-request.ts'
import { parseSize, reduceRatio } from '../../../catalogue/wire-size.ts'
import { ProviderFailure } from '../../failure.ts'
import { readBeginning } from '../../transport/byte-stream.ts'
import { isRecord } from '../../transport/is-record.ts'
import { createJsonBody } from '../../transport/json-body.ts'
import { JsonReader } from '../../transport/json-reader.ts'
import { isStorable } from '../../transport/storable-text.ts'
import type { HttpReply, HttpRequest } from '../../transport/transport.ts'
import type { ReadContext, WireOptions } from '../dialect.ts'

/*
 * imageGenerationAsync of Yandex Foundation Models: a request starts an operation, which is asked for until it is
 * done. One operation makes one image, so `n` images are `n` operations. 64-bit integers travel as strings.
 */

export function describeSubmit(
  model: ImageModel,
  request: ImageRequest,
  { index, wire }: { index: number; wire: WireOptions },
): HttpRequest {
  const options = {
    mimeType: request.mimeType ?? 'image/jpeg',
    ...(request.seed === null ? {} : { seed: String(distinctSeed(request.seed, index)) }),
    ...toAspectRatio(request),
  }
  const body = { modelUri: model.upstreamName, messages: toMessages(request), generationOptions: options }
  return {
    method: 'POST',
    url: new URL('/foundationModels/v1/imageGenerationAsync', wire.baseUrl),
    headers: { accept: 'application/json' },
    body: createJsonBody(body),
  }
}

export function describePoll(upstreamOperationId: string, { baseUrl }: WireOptions): HttpRequest {
  const url = new URL(`/operations/${encodeURIComponent(upstreamOperationId)}`, baseUrl)
  return { method: 'GET', url, headers: { accept: 'application/json' }, body: null }
}

const seedCount = 2n ** 63n

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

export async function readSubmitted(
  reply: HttpReply,
  { sort }: Pick<ReadContext<unknown>, 'sort'>,
): Promise<string> {
  const text = (await readBeginning(reply.body, maxSubmitBytes)).toString()
  const json = parse(text)
  const isSuccess = reply.status >= 200 && reply.status < 300
  if (isSuccess && isRecord(json) && isOperationId(json.id)) return json.id
  const sorted = sort({ ...reply, json, text: json === undefined ? text : '' })
  if (!isSuccess || (isRecord(json) && json.error)) throw sorted
  // Taken, and its name is lost: it cannot be asked for.
  throw new ProviderFailure({ certainty: 'UNKNOWN', reason: 'UPSTREAM_INVALID_RESPONSE' })
}

/** One that can be kept as it is: any other could not be asked for after a crash. */
function isOperationId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length < 256 && isStorable(id)
}

const maxSubmitBytes = 64 * 1024

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A reader of operations; an image opens the sink that `openImage` gives. */
export function createOperationReader<T>(
  context: ReadContext<T>,
  openImage: JsonReaderOpen<T>,
): JsonReader<T> {
  return new JsonReader<T>({
    imageKeys: ['image'],
    addressKeys: [],
    openImage,
    maxTextBytes: context.maxTextBytes,
  })
}

type JsonReaderOpen<T> = ConstructorParameters<typeof JsonReader<T>>[0]['openImage']

export type OperationState =
  | { type: 'pending' }
  | { type: 'done'; image: unknown; modelVersion: string | null }
  | { type: 'failed'; failure: ProviderFailure }

/** `error` may come before `done` (the rollback of a failure); an error with code 0 is none. */
export function readOperation(value: unknown, { sort }: Pick<ReadContext<unknown>, 'sort'>): OperationState {
  if (!isRecord(value)) return failed('UPSTREAM_INVALID_RESPONSE')
  const { error, done, response } = value
  if (isRecord(error) && error.code !== 0 && Object.keys(error).length > 0) {
    return { type: 'failed', failure: sort({ status: 200, headers: {}, json: { error }, text: '' }) }
  }
  if (done !== true) return { type: 'pending' }
  if (!isRecord(response)) return failed('UPSTREAM_INVALID_RESPONSE')
  if (!response.image) return failed('NO_IMAGE')
  const version = response.modelVersion
  return {
    type: 'done',
    image: response.image,
    modelVersion: typeof version === 'string' && version ? version : null,
  }
}

function failed(reason: 'UPSTREAM_INVALID_RESPONSE' | 'NO_IMAGE'): OperationState {
  return { type: 'failed', failure: new ProviderFailure({ certainty: 'FAILED', reason }) }
}
