import type { ImageModel } from '../catalogue/image-model.ts'
import type { ImageRequest } from '../catalogue/image-request.ts'
import { type Credentials, createCredentials } from './credentials.ts'
import type { Dialect, Preset } from './dialects/dialect.ts'
import { findDialect, presets } from './dialects/table.ts'
import type {
  CallOptions,
  ProviderCall,
  ProviderReading,
  ReadContext,
  WireOptions,
} from './exchanges/exchange.ts'
import { downloadImage } from './exchanges/image-download.ts'
import { ProviderFailure } from './failure.ts'
import { sortAnswer } from './failures/http-failure.ts'
import { createFaultLog, createHealthLog } from './health-log.ts'
import { ProviderFaults } from './provider-faults.ts'
import { type Passage, ProviderHealth } from './provider-health.ts'
import type { ProviderLimits } from './provider-limits.ts'
import type { ProviderOptions } from './provider-options.ts'
import type { OpenSink, ReplyEvent } from './reply.ts'
import { findReach } from './transport/address-guard.ts'
import { createDeadline, type Deadline } from './transport/deadline.ts'
import type { HttpReply, HttpRequest, SendOptions, Transport } from './transport/transport.ts'

export interface ProviderSurroundings {
  /** Reaches the provider itself. */
  transport: Transport
  /** Reaches public addresses only, for results that lie elsewhere. */
  guardedTransport: Transport
  limits: ProviderLimits
  now(): Date
  /** Milliseconds of a clock that never jumps. */
  uptimeMs(): number
  random(): number
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

interface Asked<T> {
  model: ImageModel
  request: ImageRequest
  options: CallOptions<T>
  passage: Passage
}

interface Reading<T> {
  model: ImageModel
  request: ImageRequest
  openSink: OpenSink<T>
  idleTimeoutMs: number
  clientRequestId?: string
}

interface Replaying<T> extends Pick<Reading<T>, 'model' | 'request' | 'openSink'> {
  signal: AbortSignal
}

const forbiddenResult =
  'a result lies where it may not be fetched: name its host in resultHosts if it is to be trusted'

/** The time limit for fetching the images of a spooled reply, for which no caller waits. */
const replayTimeoutMs = 10 * 60_000

interface Sending extends Pick<SendOptions, 'deadline' | 'onSend' | 'idleTimeoutMs'> {
  wire: WireOptions
  clientRequestId?: string
}

type Run<T, Given> = (given: Given) => AsyncGenerator<ReplyEvent<T>>

/** One provider: its address, its credentials, its circuit breaker and its faults. */
export class Provider {
  readonly #options: ProviderOptions
  readonly #preset: Preset
  readonly #surroundings: ProviderSurroundings
  readonly #credentials: Credentials
  readonly health: ProviderHealth
  readonly faults: ProviderFaults

  constructor(options: ProviderOptions, surroundings: ProviderSurroundings) {
    const { limits, now, uptimeMs, random, log } = surroundings
    const { name, folderId } = options
    this.#options = options
    this.#preset = presets[options.preset]
    this.#surroundings = surroundings
    const project = options.project ?? (this.#preset.folderIsProject ? folderId : undefined)
    this.#credentials = createCredentials({ ...options, project }, { authorize: this.#preset.authorize, now })
    const onChange = createHealthLog({ provider: name, uptimeMs, log })
    this.faults = new ProviderFaults({
      pauseMs: limits.breaker.pauseMs,
      uptimeMs,
      onChange: createFaultLog({ provider: name, log }),
    })
    this.health = new ProviderHealth({ ...limits.breaker, uptimeMs, random, onChange })
  }

  async *call<T>(asked: Asked<T>, run: Run<T, ProviderCall<T>>): AsyncGenerator<ReplyEvent<T>> {
    const { model, request, options, passage } = asked
    const { limits, random } = this.#surroundings
    const deadline = createDeadline(options.signal, options.totalTimeoutMs)
    try {
      yield* run({
        ...this.#createReading({ ...options, model, request }, deadline),
        model,
        request,
        options,
        pacing: { pollIntervalsMs: limits.pollIntervalsMs, random },
      })
      passage.succeeded()
      this.faults.succeeded(model.name)
    } catch (error) {
      passage.failed(error)
      this.faults.failed(error, model.name)
      throw error
    } finally {
      deadline[Symbol.dispose]()
    }
  }

  /** The parts for a reply that has arrived: only images at addresses in it are fetched. */
  async *read<T>(
    { model, request, openSink, signal }: Replaying<T>,
    run: Run<T, ProviderReading<T>>,
  ): AsyncGenerator<ReplyEvent<T>> {
    const deadline = createDeadline(signal, replayTimeoutMs)
    const idleTimeoutMs = this.#surroundings.limits.replyIdleTimeoutMs
    try {
      yield* run(this.#createReading({ model, request, openSink, idleTimeoutMs }, deadline))
    } finally {
      deadline[Symbol.dispose]()
    }
  }

  #createReading<T>(reading: Reading<T>, deadline: Deadline): ProviderReading<T> {
    const wire = resolveWire(this.#options, this.#preset, findDialect(reading.model.dialect))
    return {
      wire,
      deadline,
      context: this.#createContext(reading, { wire, deadline }),
      isOwn: (url) => this.#findReach(url, wire) !== null,
      send: (description, onSend) =>
        this.#send(description, { ...reading, deadline, wire, ...(onSend && { onSend }) }),
    }
  }

  #findReach(url: URL, { baseUrl }: WireOptions) {
    return findReach(url, { baseUrl, domain: this.#preset.domain ?? null })
  }

  #createContext<T>(
    { model, request, openSink }: Reading<T>,
    { wire, deadline }: { wire: WireOptions; deadline: Deadline },
  ): ReadContext<T> {
    const { transport, guardedTransport, limits, now, log } = this.#surroundings
    const { maxTextBytes, maxEventBytes, usageWaitMs } = limits
    return {
      request,
      openSink,
      sort: (answer) =>
        sortAnswer(answer, {
          sortOwn: findDialect(model.dialect).sortFailure,
          redaction: {
            secrets: [...this.#credentials.secrets(), this.#options.folderId ?? ''],
            prompts: promptsOf(request),
          },
          now: now(),
        }),
      maxTextBytes,
      maxEventBytes,
      usageWaitMs,
      takesBill: wire.takesBill,
      now,
      download: async (address, open) =>
        downloadImage({
          address,
          open,
          baseUrl: wire.baseUrl,
          resultHosts: this.#options.resultHosts ?? [],
          onForbidden: ({ rule, host }) =>
            log.warn({ provider: this.#options.name, rule, host: host.slice(0, 255) }, forbiddenResult),
          // The address may answer without credentials too, and its image is paid for.
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
    { wire, clientRequestId, idleTimeoutMs, deadline, onSend }: Sending,
  ): Promise<HttpReply> {
    const { transport, guardedTransport, limits } = this.#surroundings
    const reach = this.#findReach(request.url, wire)
    if (reach === null) throw new Error('The credentials of a provider go to the provider alone')
    const own = await this.#authorize(deadline)
    const id = { ...(clientRequestId && { 'x-client-request-id': clientRequestId }) }
    const options = { deadline, idleTimeoutMs, maxBytes: limits.maxReplyBytes, ...(onSend && { onSend }) }
    const carrier = reach === 'own' ? transport : guardedTransport
    const reply = await carrier.send({ ...request, headers: { ...request.headers, ...id, ...own } }, options)
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

function resolveWire(options: ProviderOptions, preset: Preset, dialect: Dialect): WireOptions {
  return {
    baseUrl: resolveBaseUrl(options, preset, dialect),
    multiImageField: options.multiImageField ?? preset.wire.multiImageField ?? 'image[]',
    maskField: options.maskField ?? preset.wire.maskField ?? 'mask',
    responseFormat: options.responseFormat ?? preset.wire.responseFormat ?? 'as asked',
    forcePartialImages: options.forcePartialImages ?? preset.wire.forcePartialImages ?? false,
    takesBill: options.costFrom === 'reply',
    allowPromptTags: options.allowPromptTags ?? preset.wire.allowPromptTags ?? true,
  }
}

/** The sandbox speaks every dialect on one server, each below a path of its own. */
function resolveBaseUrl({ name, baseUrl }: ProviderOptions, preset: Preset, dialect: Dialect): URL {
  const text = baseUrl ?? preset.baseUrl
  if (text === null) throw new Error(`The provider ${name} needs a baseUrl`)
  return preset.sandbox ? new URL(dialect.sandbox.path, text) : new URL(text)
}

function promptsOf({ prompt, messages }: ImageRequest): string[] {
  return [...(prompt ? [prompt] : []), ...(messages?.map(({ text }) => text) ?? [])]
}
