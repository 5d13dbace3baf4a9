import type { Capabilities } from './capabilities.ts'
import { lossyFormats } from './choices.ts'
import type { ImageModel } from './image-model.ts'
import type { CustomModel } from './model-entry.ts'
import type { ModelFault } from './model-fault.ts'
import { listModels, type Registering } from './model-registry.ts'
import { type OperationKind, operationKinds } from './operation-kind.ts'
import { parameterList } from './parameters.ts'
import { findUnsent } from './sent-parameters.ts'

/** The faults of a provider's models, each with its place among them: settings that would have no effect, and kinds that could not work. */
export function findModelFaults(registering: Registering): ModelFault[] {
  const { entry, findDialect } = registering
  const models = listModels(registering)
  const isTwice = ({ name }: ImageModel, index: number) =>
    models.findIndex((each) => each.name === name) !== index
  return models.flatMap((model, index) => {
    const written = entry.models?.[index]
    const faults = [
      ...(isTwice(model, index) ? [{ path: ['name'], message: `${model.name} is given twice` }] : []),
      ...(typeof written === 'object' ? findOwnFaults(written, { model, registering }) : []),
      ...findUnsent(model, findDialect(model.dialect).sends),
    ]
    return faults.map(({ path, message }) => ({ path: [index, ...path], message }))
  })
}

function findOwnFaults(
  written: CustomModel,
  { model, registering }: { model: ImageModel; registering: Registering },
): ModelFault[] {
  return [
    ...findUnknownLike(written, registering),
    ...findIdleKinds(written, model),
    ...findIdleVariations(written, model),
    ...operationKinds.flatMap((kind) => findIdleRules(written, kind)),
    ...model.kinds.flatMap((kind) => findMissingRules(model, kind)),
  ]
}

function findUnknownLike({ like }: CustomModel, { preset }: Registering): ModelFault[] {
  if (like === undefined || preset.models.some(({ name }) => name === like)) return []
  const known = preset.models.map(({ name }) => name).join(', ') || 'none'
  return [{ path: ['like'], message: `must be a model that the preset knows: ${known}` }]
}

function findIdleKinds({ kinds = [], capabilities = {} }: CustomModel, { name, kinds: served }: ImageModel) {
  const message = (kind: OperationKind) => `${name} does not serve ${kind}`
  const isIdle = (kind: OperationKind) => !served.includes(kind)
  return [
    ...kinds.filter(isIdle).map((kind) => ({ path: ['kinds'], message: message(kind) })),
    ...operationKinds
      .filter((kind) => capabilities[kind] && isIdle(kind))
      .map((kind) => ({ path: ['capabilities', kind], message: message(kind) })),
  ]
}

function findIdleVariations(
  { variationsThroughEdits, capabilities = {} }: CustomModel,
  model: ImageModel,
): ModelFault[] {
  const { name, capabilities: served, variationsThroughEdits: areEdits } = model
  const path = ['variationsThroughEdits']
  if (areEdits && capabilities.VARIATION) {
    const message = `${name} makes its variations by edits: they follow the capabilities of EDIT`
    return [{ path: ['capabilities', 'VARIATION'], message }]
  }
  if (!variationsThroughEdits || areEdits) return []
  const message = served.VARIATION
    ? `${name} has variations of its own: leave VARIATION out of its kinds`
    : `${name} does not serve EDIT`
  return [{ path, message }]
}

/** Rules that no request can come under. */
function findIdleRules({ capabilities = {} }: CustomModel, kind: OperationKind): ModelFault[] {
  const rules: Record<string, unknown> = { ...capabilities[kind] }
  const asked = new Set(
    parameterList.flatMap(({ capability, kinds, freeFor }) =>
      capability && kinds.includes(kind) && freeFor !== kind ? [capability] : [],
    ),
  )
  for (const flag of flags) asked.add(flag)
  return Object.keys(rules)
    .filter((name) => rules[name] && !asked.has(name))
    .map((name) => ({ path: ['capabilities', kind, name], message: `no request of ${kind} has it` }))
}

const flags = ['autoSize', 'autoQuality', 'endUser']

/** Rules without which a kind cannot be asked for, or another rule means nothing. */
function findMissingRules(model: ImageModel, kind: OperationKind): ModelFault[] {
  const rules = model.capabilities[kind]
  if (!rules || (kind === 'VARIATION' && model.variationsThroughEdits)) return []
  return [...listMissing(kind, rules)].map(([name, message]) => ({
    path: ['capabilities', kind, name],
    message,
  }))
}

function* listMissing(kind: OperationKind, rules: Capabilities): Generator<[name: string, message: string]> {
  if (kind === 'GENERATE' && !rules.prompt && !rules.messages)
    yield ['prompt', 'GENERATE needs a prompt or messages']
  if (kind === 'EDIT' && !rules.prompt) yield ['prompt', 'EDIT needs a prompt']
  if (kind !== 'GENERATE' && !rules.images) yield ['images', `${kind} needs images`]
  if (rules.autoSize && !rules.size) yield ['autoSize', 'needs a size']
  if (rules.autoQuality && !rules.quality?.includes('AUTO')) yield ['autoQuality', 'needs AUTO in quality']
  if (rules.outputCompression && !rules.outputFormat?.some((format) => lossyFormats.includes(format)))
    yield ['outputCompression', `needs ${lossyFormats.join(' or ')} in outputFormat`]
}
