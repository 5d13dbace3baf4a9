import { EaselError } from '../errors.ts'
import type { Capabilities } from './capabilities.ts'
import type { ImageModel } from './image-model.ts'
import type { ModelDefinition } from './model-definition.ts'
import type { CustomModel } from './model-entry.ts'
import { listParameters } from './model-parameters.ts'
import { type OperationKind, operationKinds } from './operation-kind.ts'
import { noPricing } from './pricing.ts'
import { retireAt } from './retirement.ts'
import type { SentParameters } from './sent-parameters.ts'
import { variationCapabilities } from './variation-through-edit.ts'

/** Features that an operator can switch on although the provider documents them as not supported. */
export const enablements = ['edits', 'variations', 'messageWeights'] as const
export type Enablement = (typeof enablements)[number]

/** The models of a preset, and the rule for names that it does not know. */
export interface KnownModels {
  /** The dialect of models that name none. */
  dialect: string
  models: readonly ModelDefinition[]
  describeModel(name: string): ModelDefinition
  /** The provider's own address: there its retirements hold. */
  baseUrl: string | null
  /** Whether the sandbox draws their images. */
  sandbox?: boolean
}

export interface RegistryEntry {
  name: string
  baseUrl?: string | undefined
  folderId?: string | undefined
  models?: readonly (string | CustomModel)[] | undefined
  enable?: readonly Enablement[] | undefined
}

const enablementOf: Partial<Record<OperationKind, Enablement>> = { EDIT: 'edits', VARIATION: 'variations' }

/** The properties of a model that follow from its dialect. */
export interface ModelDialect {
  sends: SentParameters
  idempotency: ImageModel['idempotency']
}

export interface Registering {
  entry: RegistryEntry
  preset: KnownModels
  findDialect: (name: string) => ModelDialect
}

/** The models of one provider, in the order of the configuration or else of the preset. */
export function listModels(registering: Registering): ImageModel[] {
  const { entry, preset } = registering
  const definitions = entry.models?.map((model) => define(model, preset)) ?? preset.models
  return definitions.map((definition) => createModel(registering, definition))
}

function define(model: string | CustomModel, preset: KnownModels): ModelDefinition {
  const known = (name: string) =>
    preset.models.find((each) => each.name === name) ?? preset.describeModel(name)
  if (typeof model === 'string') return known(model)
  const { name, upstreamName, description, like, kinds: only, capabilities, prices } = model
  const base = known(like ?? name)
  const changed = operationKinds.flatMap((kind) => {
    const rules = base.capabilities[kind]
    return rules && (!only || only.includes(kind))
      ? [[kind, { ...rules, ...capabilities?.[kind] }] as const]
      : []
  })
  const isListed = !only || only.includes('VARIATION')
  const own = {
    name,
    upstreamName: upstreamName ?? (like ? name : (base.upstreamName ?? name)),
    description: description ?? base.description ?? '',
  }
  const pricing = { ...(base.pricing ?? noPricing), ...(prices && { prices }) }
  return {
    ...base,
    ...own,
    variationsThroughEdits:
      model.variationsThroughEdits ?? (isListed && base.variationsThroughEdits === true),
    capabilities: Object.fromEntries(changed),
    pricing,
    retirement: like ? null : (base.retirement ?? null),
  }
}

function createModel({ entry, preset, findDialect }: Registering, definition: ModelDefinition): ImageModel {
  const capabilities = enable(definition, entry.enable ?? [])
  const isEmulated =
    definition.variationsThroughEdits === true && capabilities.EDIT !== undefined && !capabilities.VARIATION
  if (isEmulated && capabilities.EDIT) capabilities.VARIATION = variationCapabilities(capabilities.EDIT)
  const dialect = definition.dialect ?? preset.dialect
  const served = operationKinds.filter((kind) => capabilities[kind])
  const forms = served.map((kind) => [kind, listParameters(kind, capabilities[kind] as Capabilities)])
  return {
    id: `${entry.name}/${definition.name}`,
    provider: entry.name,
    name: definition.name,
    upstreamName: (definition.upstreamName ?? definition.name).replace(
      '<folder>',
      entry.folderId ?? 'sandbox',
    ),
    description: definition.description ?? '',
    dialect,
    sandbox: preset.sandbox ?? false,
    idempotency: findDialect(dialect).idempotency,
    kinds: served,
    capabilities,
    variationsThroughEdits: isEmulated,
    parameters: Object.fromEntries(forms),
    unsupported: explain(definition, served),
    retirement: retireAt(definition.retirement, { own: preset.baseUrl, configured: entry.baseUrl }),
    pricing: definition.pricing ?? noPricing,
  }
}

function enable(definition: ModelDefinition, enabled: readonly Enablement[]): ImageModel['capabilities'] {
  const capabilities = { ...definition.capabilities }
  for (const kind of operationKinds) {
    const dormant = definition.dormant?.[kind]
    const word = enablementOf[kind]
    if (dormant && word && enabled.includes(word)) capabilities[kind] = dormant.capabilities
    const rules = capabilities[kind]
    if (rules?.messages && enabled.includes('messageWeights')) {
      capabilities[kind] = { ...rules, messages: { ...rules.messages, weights: true } }
    }
  }
  return capabilities
}

function explain(definition: ModelDefinition, served: readonly OperationKind[]): ImageModel['unsupported'] {
  const missing = operationKinds.filter((kind) => !served.includes(kind))
  return Object.fromEntries(
    missing.map((kind) => {
      const reason = definition.dormant?.[kind]?.reason ?? definition.unsupported?.[kind]
      return [kind, reason ?? 'The model is not configured for it.']
    }),
  )
}

const artUri = /^art:\/\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/

/** Whether a caller who says `asked` means this model: its id, its name, or its URI with or without a version. */
export function answersTo(model: ImageModel, asked: string): boolean {
  if (model.id === asked || model.name === asked || model.upstreamName === asked) return true
  const [uri, own] = [artUri.exec(asked), artUri.exec(model.upstreamName)]
  if (!uri || !own || uri[2] !== own[2] || (uri[3] ?? 'latest') !== (own[3] ?? 'latest')) return false
  // The sandbox has no folders.
  return model.sandbox || uri[1] === own[1]
}

/** Whether a list of models, each as callers name it, has this one. An empty list has them all. */
export function isAllowed(model: ImageModel, allowed: readonly string[]): boolean {
  return allowed.length === 0 || allowed.some((name) => answersTo(model, name))
}

export function refuseUnknownModel(
  asked: string,
  models: readonly ImageModel[],
  field = 'input.model',
): EaselError {
  return new EaselError('BAD_USER_INPUT', 'There is no such model here.', {
    field,
    reason: 'MODEL_UNKNOWN',
    allowed: models.map(({ id }) => id),
    actual: asked.slice(0, 200),
  })
}
