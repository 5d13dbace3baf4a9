import { z } from 'zod'
import { type CustomModel, modelEntry } from '../catalogue/model-entry.ts'
import type { ModelFault } from '../catalogue/model-fault.ts'
import { findModelFaults } from '../catalogue/model-faults.ts'
import { isRecord } from '../is-record.ts'
import { presets } from './dialects/table.ts'
import { optionRules } from './option-rules.ts'
import { toRegistering } from './registering.ts'

/**
 * The faults in the meaning of each model as it is written: what its preset and its dialect make of it. Models are checked
 * as far as their shape allows, so that an operator reads all faults at once.
 */
export function findWrittenFaults(file: unknown): ModelFault[] {
  if (!isRecord(file) || !Array.isArray(file.providers)) return []
  return file.providers.flatMap((provider, index) =>
    findFaultsOfProvider(provider).map(({ path, message }) => ({
      path: ['providers', index, ...path],
      message,
    })),
  )
}

const readable = z.object({
  name: z.string().catch(''),
  preset: z.enum(Object.keys(presets) as [keyof typeof presets]),
  baseUrl: z.string().optional().catch(undefined),
  folderId: optionRules.folderId.catch(undefined),
  enable: optionRules.enable.catch(undefined),
  models: z.array(z.unknown()).optional().catch(undefined),
})

function findFaultsOfProvider(provider: unknown): ModelFault[] {
  const { data } = readable.safeParse(provider)
  if (!data) return []
  const places: number[] = []
  const models: CustomModel[] = []
  for (const [place, written] of data.models?.entries() ?? []) {
    const model = readModel(written)
    if (!model) continue
    places.push(place)
    models.push(model)
  }
  const entry = { ...data, models: data.models && models }
  return findModelFaults(toRegistering(entry)).map(({ path: [index, ...path], message }) => ({
    path: ['models', places[Number(index)] ?? Number(index), ...path],
    message,
  }))
}

/** A model, if need be without its wrong members. Null where nothing can be read. */
function readModel(written: unknown): CustomModel | null {
  const { data, error } = modelEntry.safeParse(written)
  if (data) return data
  if (!isRecord(written)) return null
  const wrong = error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
  )
  return modelEntry.safeParse(wrong.reduce(without, written)).data ?? null
}

/** `capabilities`, the kind and the rule: within a rule nothing can be left out. */
const deepest = 3

function without(value: Record<string, unknown>, path: readonly PropertyKey[]): Record<string, unknown> {
  const [key, ...more] = path.slice(0, deepest)
  const member = value[String(key)]
  const left = more.length > 0 && isRecord(member) ? without(member, more) : undefined
  return Object.fromEntries(
    Object.entries({ ...value, [String(key)]: left }).filter(([, each]) => each !== undefined),
  )
}
