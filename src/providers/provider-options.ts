import { z } from 'zod'
import type { ImageModel } from '../catalogue/image-model.ts'
import { type CustomModel, modelEntry } from '../catalogue/model-entry.ts'
import { listModels } from '../catalogue/model-registry.ts'
import { isRecord } from '../is-record.ts'
import type { Preset } from './dialects/dialect.ts'
import { findDialect, type PresetName, presets } from './dialects/table.ts'
import { type OptionName, optionRules } from './option-rules.ts'
import { toRegistering } from './registering.ts'

export { findWrittenFaults } from './model-check.ts'

const httpAddress = z.url({
  protocol: /^https?$/,
  error: ({ input }) => (input === undefined ? 'is missing' : 'must be an http or https address'),
})

/** What would not be sent is refused. */
const baseAddress = httpAddress.refine(
  (address) => {
    const url = URL.parse(address)
    return !url || (url.username === '' && url.password === '' && url.hash === '')
  },
  { error: 'must have no user name and no fragment: a key is given as apiKey' },
)

const host = z.string().refine((text) => /^[^*/?#@\\\s]+$/.test(text) && URL.canParse(`http://${text}`), {
  error: 'must be a host, or a host and its port, such as files.example:9000',
})

/** The options of every preset, and those of some. */
const rules = {
  /** The first part of its models' ids. */
  name: z.string().regex(/^[\w.-]{1,64}$/, 'must be letters, digits, dots and dashes'),
  baseUrl: baseAddress.optional(),
  /** Where its results may lie beside its own origin and public https addresses. */
  resultHosts: z.array(host).readonly().optional(),
  /** Which of the preset's models, or further ones; all of the preset's by default. */
  models: z.array(modelEntry).optional(),
  ...optionRules,
}

type WrittenOptions = z.output<z.ZodObject<typeof rules>>

/** A provider. Its models may be named without changes. */
export interface ProviderOptions extends Omit<WrittenOptions, 'models'> {
  preset: PresetName
  models?: readonly (string | CustomModel)[] | undefined
}

const presetNames = Object.keys(presets) as PresetName[]

/** The options of one preset: an option that the preset does not take is a fault, like one that does not exist. */
function createOptions(name: PresetName) {
  const preset: Preset = presets[name]
  const needs = [...(preset.needs ?? []), ...(preset.baseUrl === null ? (['baseUrl'] as const) : [])]
  const bills = findDialect(preset.dialect).bill === 'as asked' ? ['costFrom'] : []
  const takes = new Set<string>([...preset.takes, ...needs, ...bills])
  const others = (Object.keys(optionRules) as OptionName[]).filter((option) => !takes.has(option))
  const idle = z.never({ error: `the preset ${name} does not take it` }).optional()
  const changes: object = {
    ...Object.fromEntries(others.map((option) => [option, idle])),
    ...Object.fromEntries(needs.map((option) => [option, rules[option].unwrap()])),
  }
  return z.strictObject({ ...rules, ...changes, preset: z.literal(name) })
}

const [first, ...more] = presetNames.map(createOptions) as [
  ReturnType<typeof createOptions>,
  ...ReturnType<typeof createOptions>[],
]

const oneProvider = z.discriminatedUnion('preset', [first, ...more], {
  error: ({ code }) => (code === 'invalid_union' ? `must be one of ${presetNames.join(', ')}` : undefined),
})

/** The providers as an operator writes them. No fault shows the value of an option: it may be a key. */
export const providerEntries = z.array(oneProvider).refine((entries) => listTwice(entries).length === 0, {
  error: ({ input }) => `the name ${listTwice(input).join(', ')} is given twice`,
  // Checked even if there are other faults, so that all are reported at once.
  when: ({ value }) => Array.isArray(value),
})

function listTwice(entries: unknown): string[] {
  const named = Array.isArray(entries) ? entries.filter(isRecord) : []
  const names = named.flatMap(({ name }) => (typeof name === 'string' ? [name] : []))
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
}

/** In the order of the configuration, or else of the preset. */
export function listProviderModels(provider: ProviderOptions): ImageModel[] {
  return listModels(toRegistering(provider))
}
