import type { ImageModel } from '../catalogue/image-model.ts'
import type { ImageRequest, RequestDraft } from '../catalogue/image-request.ts'
import { refuseKind, validateRequest } from '../catalogue/judge.ts'
import { answersTo, refuseUnknownModel } from '../catalogue/model-registry.ts'
import { defaultWords, type OperationKind } from '../catalogue/operation-kind.ts'
import { isRetired, refuseRetiredModel } from '../catalogue/retirement.ts'
import { asSent } from '../catalogue/variation-through-edit.ts'
import { EaselError } from '../errors.ts'
import { findDialect } from './dialects/table.ts'
import type { CallOptions } from './exchanges/exchange.ts'
import type { JobHandle } from './exchanges/job.ts'
import { readSpooledReply } from './exchanges/spooled-reply.ts'
import { Provider } from './provider.ts'
import type { Passage, ProviderHealth } from './provider-health.ts'
import type { ProviderLimits } from './provider-limits.ts'
import { listProviderModels, type ProviderOptions } from './provider-options.ts'
import { describeProvider, type ProviderStatus } from './provider-status.ts'
import type { OpenSink, ReplyEvent } from './reply.ts'
import { logRetirements } from './retirement-log.ts'
import { guardedLookup } from './transport/address-guard.ts'
import { createTransport } from './transport/transport.ts'

export type { CallOptions } from './exchanges/exchange.ts'
export type { JobHandle } from './exchanges/job.ts'
export type { Hold, Passage } from './provider-health.ts'
export type { ProviderOptions } from './provider-options.ts'
export type { ProviderStatus } from './provider-status.ts'

export interface ProvidersOptions {
  providers: readonly ProviderOptions[]
  /** The model of each kind of operation when the caller names none. */
  defaults: { generate?: string | undefined; edit?: string | undefined; variation?: string | undefined }
  limits: ProviderLimits
  now(): Date
  /** Milliseconds of a clock that never jumps. */
  uptimeMs(): number
  random(): number
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

export interface Providers {
  /** Every model of every provider in the order of the configuration, the retired ones too. */
  models(): ImageModel[]
  /** By its id, `provider/model`. */
  find(id: string): ImageModel | null
  /** The models that may carry out an operation, in the order to try them; at least one. */
  candidates(kind: OperationKind, model: string | null): ImageModel[]
  /** Throws an EaselError for what the model does not take. */
  validate(model: ImageModel, draft: RequestDraft): void
  /** The one health of a provider: who wants to call it asks for a passage there. */
  health(provider: string): ProviderHealth
  /** For how long other providers of the model are asked before its own, which refused for a fault of its own. */
  doubtMs(model: Pick<ImageModel, 'provider' | 'name'>): number
  /** Of every provider, in the order of the configuration. */
  statuses(): ProviderStatus[]
  /** Throws a ProviderFailure; anything else is an error of a sink, the spool or `onSend`. */
  call<T>(
    model: ImageModel,
    request: ImageRequest,
    options: CallOptions<T> & { passage: Passage },
  ): AsyncGenerator<ReplyEvent<T>>
  /** The events of a reply that was spooled whole, once more. */
  replay<T>(
    model: ImageModel,
    request: ImageRequest,
    spool: AsyncIterable<Uint8Array>,
    openSink: OpenSink<T>,
  ): AsyncGenerator<ReplyEvent<T>>
  /** Asks for jobs that were submitted before. Only for models with idempotency `lookup`. */
  resume<T>(
    model: ImageModel,
    request: ImageRequest,
    jobs: readonly JobHandle[],
    options: CallOptions<T>,
  ): AsyncGenerator<ReplyEvent<T>>
  close(): Promise<void>
}

export function createProviders(options: ProvidersOptions): Providers {
  const { now, defaults, limits, providers: configured } = options
  const transport = createTransport(limits)
  const guardedTransport = createTransport({ ...limits, lookup: guardedLookup })
  const closing = new AbortController()
  const providers = new Map<string, Provider>(
    configured.map((provider) => [
      provider.name,
      new Provider(provider, { ...options, transport, guardedTransport }),
    ]),
  )
  const models = configured.flatMap(listProviderModels)
  for (const { name: provider, models: chosen } of configured) {
    const own = models.filter((model) => model.provider === provider)
    logRetirements({ provider, models: own, areChosen: chosen !== undefined, now: now(), log: options.log })
  }
  const byId = new Map(models.map((model) => [model.id, model]))
  const named = (name: string) => {
    const provider = providers.get(name)
    if (!provider) throw new Error(`There is no provider ${name}`)
    return provider
  }

  return {
    models: () => [...models],
    find: (id) => byId.get(id) ?? null,
    candidates: (kind, asked) =>
      chooseModels({ models, kind, asked: asked ?? defaults[defaultWords[kind]] ?? null, now: now() }),
    validate: validateRequest,
    health: (provider) => named(provider).health,
    doubtMs: ({ provider, name }) => named(provider).faults.doubtMs(name),
    statuses: () => [...providers].map(([name, provider]) => describeProvider(name, provider, options)),
    call: (model, request, { passage, ...callOptions }) =>
      named(model.provider).call(
        { model, request: asSent(model, request), options: callOptions, passage },
        (call) => exchangeOf(model).call(call),
      ),
    replay: (model, request, spool, openSink) =>
      named(model.provider).read(
        { model, request: asSent(model, request), openSink, signal: closing.signal },
        async function* (reading) {
          yield* exchangeOf(model).replay(await readSpooledReply(spool), reading)
        },
      ),
    resume: (model, request, jobs, callOptions) => {
      const { resume } = exchangeOf(model)
      if (!resume) throw new Error(`${model.id} cannot be asked for a job`)
      const provider = named(model.provider)
      const passage = provider.health.accompany()
      return provider.call(
        { model, request: asSent(model, request), options: callOptions, passage },
        (call) => resume(call, jobs),
      )
    },
    close: async () => {
      closing.abort(new Error('The providers are closed'))
      await Promise.all([transport.close(), guardedTransport.close()])
    },
  }
}

const exchangeOf = ({ dialect }: ImageModel) => findDialect(dialect).exchange

interface Choice {
  models: readonly ImageModel[]
  kind: OperationKind
  asked: string | null
  now: Date
}

/** The models of that name that serve the kind and are not retired. Throws the reason where there are none. */
function chooseModels({ models, kind, asked, now }: Choice): ImageModel[] {
  const meant = asked === null ? models : models.filter((model) => answersTo(model, asked))
  const alive = meant.filter((model) => !isRetired(model, now))
  // A stand-in for variations must be asked for by name.
  const isStandIn = (model: ImageModel) =>
    asked === null && kind === 'VARIATION' && model.variationsThroughEdits
  const found = alive.filter((model) => model.capabilities[kind] && !isStandIn(model))
  if (found.length > 0) return asked === null ? found.slice(0, 1) : found
  if (alive[0] && asked !== null) throw refuseKind(alive[0], kind)
  if (meant[0] && asked !== null) throw refuseRetiredModel(meant[0], models)
  if (asked !== null) throw refuseUnknownModel(asked, models)
  throw new EaselError('UNSUPPORTED_BY_MODEL', `No configured model supports ${kind}.`, {
    field: 'input.model',
    reason: 'KIND_NOT_SUPPORTED',
    actual: kind,
  })
}
