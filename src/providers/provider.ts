import type { ImageModel } from '../catalogue/image-model.ts'
import type { ImageRequest } from '../catalogue/image-request.ts'
import { type CircuitBreaker, createCircuitBreaker } from './circuit-breaker.ts'
import { type Credentials, createCredentials } from './credentials.ts'
import type { Preset, ReadContext, WireOptions } from './dialects/dialect.ts'
import { sortOpenAiFailure } from './dialects/openai/openai-failures.ts'
import { presets } from './dialects/table.ts'
import { sortYandexArtFailure } from './dialects/yandex-art/yandex-art-failures.ts'
import { downloadImage } from './exchanges/image-download.ts'
import type { CallOptions, ProviderCall } from './exchanges/single-reply.ts'
import { ProviderFailure } from './failure.ts'
import { type SortFailure, sortAnswer } from './failures/http-failure.ts'
import type { ProviderLimits } from './provider-limits.ts'
import type { ProviderOptions } from './provider-options.ts'
import type { OpenSink, ReplyEvent } from './reply.ts'
import { createDeadline, type Deadline } from './transport/deadline.ts'
import type { HttpReply, HttpRequest, SendOptions, Transport } from './transport/transport.ts'

export interface ProviderSurroundings {
  /** Reaches the provider itself. */
  transport: Transport
  /** Reaches public addresses only, for results that lie elsewhere. */
  guardedTransport: Transport
  limits: ProviderLimits
  now(): Date
  log: { warn(fields: object, message: string): void }
}

const sorters: Record<string, SortFailure> = { openai: sortOpenAiFailure, 'yandex-art': sortYandexArtFailure }

interface Asked<T> {
  model: ImageModel
  request: ImageRequest
  options: CallOptions<T>
}

interface Reading<T> {
  model: ImageModel
  request: ImageRequest
  openSink: OpenSink<T>
  signal: AbortSignal
}

/** A spooled reply has no caller who waits; fetching its images must end some time. */
const replayTimeoutMs = 10 * 60_000

type Run<T, Given> = (given: Given) => AsyncGenerator<ReplyEvent<T>>

/** One provider: how it is reached, by whom, and whether it is well. */
export class Provider {
  readonly #options: ProviderOptions
  readonly #preset: Preset
  readonly #surroundings: ProviderSurroundings
  readonly #credentials: Credentials
  readonly #breaker: CircuitBreaker

  constructor(options: ProviderOptions, surroundings: ProviderSurroundings) {
    const { limits, now, log } = surroundings
    const { name, folderId } = options
    this.#options = options
    this.#preset = presets[options.preset]
    this.#surroundings = surroundings
    const project = options.project ?? (this.#preset.folderIsProject ? folderId : undefined)
    this.#credentials = createCredentials({ ...options, project }, { authorize: this.#preset.authorize, now })
    const onOpen = (failures: number) =>
      log.warn({ provider: name, failures }, 'provider keeps failing: pausing its calls')
    this.#breaker = createCircuitBreaker({ ...limits.breaker, now, onOpen })
  }

  async *call<T>(asked: Asked<T>, run: Run<T, ProviderCall<T>>): AsyncGenerator<ReplyEvent<T>> {
    const { model, request, options } = asked
    const leave = this.#breaker.enter()
    const deadline = createDeadline(options.signal, options.totalTimeoutMs)
    try {
      yield* run({
        model,
        request,
        options,
        wire: resolveWire(this.#options, this.#preset, model.dialect),
        deadline,
        context: this.#createContext({ model, request, openSink: options.openSink }, deadline),
        send: (description, onSend) =>
          this.#send(description, options, { deadline, ...(onSend && { onSend }) }),
      })
      leave.succeeded()
    } catch (error) {
      leave.failed(error)
      throw error
    } finally {
      leave.left()
      deadline[Symbol.dispose]()
    }
  }

  /** For a reply that is there already: only addresses in it are fetched. */
  async *read<T>(reading: Reading<T>, run: Run<T, ReadContext<T>>): AsyncGenerator<ReplyEvent<T>> {
    const deadline = createDeadline(reading.signal, replayTimeoutMs)
    try {
      yield* run(this.#createContext(reading, deadline))
    } finally {
      deadline[Symbol.dispose]()
    }
  }

  #createContext<T>(
    { model, request, openSink }: Omit<Reading<T>, 'signal'>,
    deadline: Deadline,
  ): ReadContext<T> {
    const { transport, guardedTransport, limits, now } = this.#surroundings
    const { maxTextBytes, maxEventBytes } = limits
    return {
      request,
      openSink,
      sort: (answer) =>
        sortAnswer(answer, {
          sortOwn: sorters[model.dialect] ?? (() => null),
          redaction: {
            secrets: [...this.#credentials.secrets(), this.#options.folderId ?? ''],
            prompts: promptsOf(request),
          },
          now: now(),
        }),
      maxTextBytes,
      maxEventBytes,
      now,
      download: async (address, open) =>
        downloadImage({
          address,
          open,
          baseUrl: resolveBaseUrl(this.#options, model.dialect),
          // Without them the address may still answer; its image is paid for.
          authorization: await this.#credentials.headers(deadline.signal).catch(() => ({})),
          ownTransport: transport,
          guardedTransport,
          deadline,
          idleTimeoutMs: limits.replyIdleTimeoutMs,
          maxBytes: limits.maxReplyBytes,
          pauseMs: limits.downloadPauseMs,
        }),
    }
  }

  async #send(
    request: HttpRequest,
    { clientRequestId, idleTimeoutMs }: Pick<CallOptions<unknown>, 'clientRequestId' | 'idleTimeoutMs'>,
    given: Pick<SendOptions, 'deadline' | 'onSend'>,
  ): Promise<HttpReply> {
    const { transport, limits } = this.#surroundings
    const own = await this.#authorize(given.deadline)
    const headers = { ...request.headers, 'x-client-request-id': clientRequestId, ...own }
    const options = { ...given, idleTimeoutMs, maxBytes: limits.maxReplyBytes }
    const reply = await transport.send({ ...request, headers }, options)
    if (reply.status === 401) this.#credentials.renew()
    return reply
  }

  async #authorize({ signal }: Deadline): Promise<Record<string, string>> {
    try {
      return await this.#credentials.headers(signal)
    } catch (cause) {
      throw new ProviderFailure({ certainty: 'UNSENT', reason: 'UPSTREAM_AUTH', cause })
    }
  }
}

function resolveWire(options: ProviderOptions, preset: Preset, dialect: string): WireOptions {
  return {
    baseUrl: resolveBaseUrl(options, dialect),
    multiImageField: options.multiImageField ?? preset.wire.multiImageField ?? 'image[]',
    maskField: options.maskField ?? preset.wire.maskField ?? 'mask',
    responseFormat: options.responseFormat ?? preset.wire.responseFormat ?? 'as asked',
    forcePartialImages: options.forcePartialImages ?? preset.wire.forcePartialImages ?? false,
    stripFromPrompt: preset.wire.stripFromPrompt ?? null,
  }
}

/** The sandbox speaks both dialects on one server: its OpenAI half lies under /v1. */
function resolveBaseUrl({ name, preset, baseUrl }: ProviderOptions, dialect: string): URL {
  const text = baseUrl ?? presets[preset].baseUrl
  if (text === null) throw new Error(`The provider ${name} needs a baseUrl`)
  if (preset !== 'sandbox') return new URL(text)
  return new URL(dialect === 'openai' ? '/v1' : '/', text)
}

function promptsOf({ prompt, messages }: ImageRequest): string[] {
  return [...(prompt ? [prompt] : []), ...(messages?.map(({ text }) => text) ?? [])]
}
