import { findCapabilityFault } from '../catalogue/capabilities.ts'
import type { ImageModel } from '../catalogue/image-model.ts'
import {
  type CustomModel,
  type Enablement,
  findModelFaults,
  listModels,
  type ModelDialect,
} from '../catalogue/model-registry.ts'
import { EaselError } from '../errors.ts'
import { type CredentialOptions, credentialNames } from './credentials.ts'
import type { Preset } from './dialects/dialect.ts'
import { findDialect, type PresetName, presets } from './dialects/table.ts'
import type { WireOptions } from './exchanges/exchange.ts'

export interface ProviderOptions extends CredentialOptions {
  /** The first part of its models' ids. */
  name: string
  preset: PresetName
  baseUrl?: string | undefined
  folderId?: string | undefined
  /** Which of the preset's models, or further ones; all of the preset's by default. */
  models?: readonly (string | CustomModel)[] | undefined
  enable?: readonly Enablement[] | undefined
  multiImageField?: WireOptions['multiImageField'] | undefined
  maskField?: string | undefined
  responseFormat?: WireOptions['responseFormat'] | undefined
  forcePartialImages?: boolean | undefined
}

/** A provider as an operator wrote it. */
export interface ProviderEntry {
  name: string
  preset: string
  [option: string]: unknown
}

/** Throws one error that lists every fault. No value of an option is shown: it may be a key. */
export function checkProviderOptions(
  entries: readonly (ProviderEntry | ProviderOptions)[],
): ProviderOptions[] {
  const faults = entries.flatMap((entry) =>
    findAllFaults(entry).map((fault) => `provider ${entry.name}: ${fault}`),
  )
  const names = entries.map(({ name }) => name)
  for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index))) {
    faults.push(`provider ${name}: the name is given twice`)
  }
  if (faults.length > 0) {
    const list = faults.map((fault) => `  - ${fault}`).join('\n')
    throw new EaselError('BAD_USER_INPUT', `The providers are not configured rightly:\n${list}`, {
      reason: 'PROVIDERS_MISCONFIGURED',
    })
  }
  return entries as ProviderOptions[]
}

/** In the order of the configuration, or else of the preset. */
export function listProviderModels(provider: ProviderOptions): ImageModel[] {
  return listModels(toRegistering(provider))
}

function toRegistering(entry: ProviderOptions) {
  const preset: Preset = presets[entry.preset]
  return { entry, preset, findDialect: findModelDialect }
}

function findModelDialect(name: string): ModelDialect {
  const { sends, exchange } = findDialect(name)
  return { sends, idempotency: exchange.resume ? 'lookup' : 'none' }
}

/** The models can be looked at once the options around them are right. */
function findAllFaults(entry: ProviderEntry | ProviderOptions): string[] {
  const faults = findFaults({ ...entry })
  return faults.length > 0 ? faults : findModelFaults(toRegistering(entry as ProviderOptions))
}

type Rule = (value: unknown) => string | null

const isText: Rule = (value) => (typeof value === 'string' && value !== '' ? null : 'must be a text')
const isFlag: Rule = (value) => (typeof value === 'boolean' ? null : 'must be true or false')
const isOneOf =
  (...allowed: string[]): Rule =>
  (value) =>
    allowed.includes(value as string) ? null : `must be one of ${allowed.join(', ')}`
const isListOf =
  (rule: Rule): Rule =>
  (value) =>
    Array.isArray(value) ? (value.map(rule).find((fault) => fault !== null) ?? null) : 'must be a list'
const isModel: Rule = (value) => {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : value
  if (isText(name)) return 'must hold names or definitions with a name'
  if (typeof value !== 'object' || value === null || !('capabilities' in value)) return null
  const fault = findCapabilityFault(value.capabilities)
  return fault && `of ${name} has ${fault}`
}

const rules: Record<string, Rule> = {
  name: (value) => (/^[\w.-]{1,64}$/.test(String(value)) ? null : 'must be letters, digits, dots and dashes'),
  preset: isOneOf(...Object.keys(presets)),
  baseUrl: (value) => (isHttpUrl(value) ? null : 'must be an http or https address'),
  folderId: isText,
  models: isListOf(isModel),
  enable: isListOf(isOneOf('edits', 'variations', 'messageWeights')),
  multiImageField: isOneOf('image[]', 'image'),
  maskField: isText,
  responseFormat: isOneOf('as asked', 'always', 'never'),
  forcePartialImages: isFlag,
  ...Object.fromEntries(credentialNames.map((name) => [name, isText])),
}

function findFaults(entry: Record<string, unknown>): string[] {
  const faults: string[] = []
  for (const [option, value] of Object.entries(entry)) {
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined
    const fault = rule ? value !== undefined && rule(value) : 'is not an option'
    if (fault) faults.push(`${option} ${fault}`)
  }
  const preset: Preset | null = Object.hasOwn(presets, String(entry.preset))
    ? presets[entry.preset as PresetName]
    : null
  if (preset?.baseUrl === null && entry.baseUrl === undefined) faults.push('baseUrl is missing')
  if (preset?.needsFolder && entry.folderId === undefined) faults.push('folderId is missing')
  return faults
}

function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
}
