import { Readable } from 'node:stream'
import type { ImageModel } from '../../src/catalogue/image-model.ts'
import type { ImageRequest, SourceImage } from '../../src/catalogue/image-request.ts'
import { emptyInput } from '../../src/catalogue/operation-input.ts'
import { toRequestParameters } from '../../src/catalogue/request-parameters.ts'
import type { CallOptions, Providers } from '../../src/providers/providers.ts'
import type { ImageSink, ReplyEvent } from '../../src/providers/reply.ts'
import { hangMs } from '../kit/limits.ts'

/** The smallest PNG there is. */
export const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=',
  'base64',
)
export const pixelBase64 = pixel.toString('base64')

export function makeRequest(given: Partial<ImageRequest> = {}): ImageRequest {
  return {
    ...toRequestParameters('GENERATE', emptyInput),
    model: 'gpt-image-2',
    prompt: 'a red rose on a white table',
    images: [],
    mask: null,
    endUser: null,
    ...given,
  }
}

export function makeSource(bytes: Uint8Array, given: Partial<SourceImage> = {}): SourceImage {
  return {
    mimeType: 'image/png',
    byteSize: bytes.length,
    width: 1,
    height: 1,
    hasAlpha: true,
    open: async () => Readable.from([bytes]),
    ...given,
  }
}

/** What a caller sees of one call: its events, its end, and what was done to its sinks, spool and hooks. */
export interface Recorded {
  events: ReplyEvent<Buffer>[]
  error: unknown
  spool: Buffer
  isSpoolEnded: boolean
  sent: number
  submitted: string[]
  sinks: RecordedSink[]
}

export interface RecordedSink {
  index: number
  partial: boolean
  state: 'open' | 'ended' | 'aborted'
}

export interface RecordOptions {
  options?: Partial<CallOptions<Buffer>>
  onEvent?(event: ReplyEvent<Buffer>): void
}

export function startRecording({ options = {} }: RecordOptions = {}): {
  recorded: Recorded
  callOptions: CallOptions<Buffer>
} {
  const recorded: Recorded = {
    events: [],
    error: null,
    spool: Buffer.alloc(0),
    isSpoolEnded: false,
    sent: 0,
    submitted: [],
    sinks: [],
  }
  const callOptions: CallOptions<Buffer> = {
    signal: new AbortController().signal,
    totalTimeoutMs: hangMs,
    idleTimeoutMs: hangMs,
    clientRequestId: 'attempt-1',
    onSend: async () => {
      recorded.sent += 1
    },
    onSubmitted: async ({ id }) => {
      recorded.submitted.push(id)
    },
    spool: {
      write: async (chunk) => {
        recorded.spool = Buffer.concat([recorded.spool, chunk])
      },
      writeImage: noImages,
      end: async () => {
        recorded.isSpoolEnded = true
      },
    },
    openSink: (hint) => createRecordingSink(recorded, hint),
    ...options,
  }
  return { recorded, callOptions }
}

/** For the spool of sinks that keep their images themselves: replies are in it as they came. */
export const noImages = () => Promise.reject(new Error('This spool has no images'))

function createRecordingSink(
  recorded: Recorded,
  hint: { index: number; partial: boolean },
): ImageSink<Buffer> {
  const sink: RecordedSink = { ...hint, state: 'open' }
  const chunks: Uint8Array[] = []
  recorded.sinks.push(sink)
  const settle = (state: 'ended' | 'aborted') => {
    if (sink.state !== 'open') throw new Error(`The sink is ${sink.state} already`)
    sink.state = state
  }
  return {
    write: async (chunk) => {
      if (sink.state !== 'open') throw new Error('The sink is closed')
      chunks.push(Buffer.from(chunk))
    },
    end: async () => {
      settle('ended')
      return Buffer.concat(chunks)
    },
    abort: async () => settle('aborted'),
  }
}

export async function collect(
  recorded: Recorded,
  events: AsyncIterable<ReplyEvent<Buffer>>,
): Promise<Recorded> {
  try {
    for await (const event of events) recorded.events.push(event)
  } catch (error) {
    recorded.error = error
  }
  return recorded
}

/** One call for which there is a passage. */
export async function* call(
  providers: Providers,
  model: ImageModel,
  request: ImageRequest,
  options: CallOptions<Buffer>,
): AsyncGenerator<ReplyEvent<Buffer>> {
  const entry = providers.health(model.provider).enter({ isRetry: false })
  if ('why' in entry) throw new Error(`${model.provider} is held back: ${entry.why} for ${entry.ms} ms`)
  using passage = entry
  yield* providers.call(model, request, { ...options, passage })
}

export async function record(
  providers: Providers,
  model: ImageModel | string,
  request: ImageRequest,
  options: Partial<CallOptions<Buffer>> = {},
): Promise<Recorded> {
  const found = typeof model === 'string' ? providers.find(model) : model
  if (!found) throw new Error(`No model ${String(model)}`)
  const { recorded, callOptions } = startRecording({ options })
  return collect(recorded, call(providers, found, request, callOptions))
}

export function typesOf({ events }: Recorded): string[] {
  return events.map(({ type }) => type)
}
