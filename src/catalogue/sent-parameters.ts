import { type Capabilities, noCapabilities } from './capabilities.ts'
import type { ImageModel } from './image-model.ts'
import type { ModelFault } from './model-fault.ts'
import type { OperationKind } from './operation-kind.ts'
import { findSizeWord } from './size-rule.ts'

/** The capabilities that a model may have beside `n`. */
export type SentParameter = Exclude<keyof Capabilities, 'n'>

/** What a dialect sends. */
export interface SentParameters {
  /** By kind of operation. It serves no other kind. */
  byKind: Partial<Record<OperationKind, ReadonlySet<SentParameter>>>
  /** Whether a size may be a word, such as `2K`. Otherwise it would be left out. */
  sizeWords?: boolean
  /** The largest seed that arrives as it was given. */
  largestSeed?: bigint
}

const sentNames = Object.keys(noCapabilities).filter((name) => name !== 'n') as SentParameter[]

/**
 * Parameters that a model would accept and its dialect would not send, as faults of the configuration: a form would offer
 * them, and they would have no effect.
 */
export function findUnsent(model: ImageModel, sends: SentParameters): ModelFault[] {
  return model.kinds.flatMap((kind) => {
    // A variation that goes through edits is checked as the edit it is.
    if (kind === 'VARIATION' && model.variationsThroughEdits) return []
    const sent = sends.byKind[kind]
    const capabilities = model.capabilities[kind]
    const subject = `${model.name}: the dialect ${model.dialect}`
    if (!sent) return [{ path: ['kinds'], message: `${subject} does not send ${kind}` }]
    if (!capabilities) return []
    const place = (name: string) => ['capabilities', kind, name]
    const idle = sentNames.filter((name) => capabilities[name] && !sent.has(name))
    return [
      ...idle.map((name) => ({
        path: place(name),
        message: `${subject} does not send ${name} for ${kind}; it sends ${[...sent].join(', ')}`,
      })),
      ...findUnsentValues(capabilities, sends).map(([name, message]) => ({
        path: place(name),
        message: `${subject} ${message}`,
      })),
    ]
  })
}

/** Values of parameters that it does send. */
function findUnsentValues(
  { size, seed }: Capabilities,
  { sizeWords, largestSeed }: SentParameters,
): [name: string, message: string][] {
  const word = size && findSizeWord(size)
  return [
    ...(word && !sizeWords ? [['size', `sends sizes of WIDTHxHEIGHT only, and not ${word}`] as const] : []),
    ...(seed && largestSeed !== undefined && seed.max > largestSeed
      ? [['seed', `sends seeds up to ${largestSeed} only`] as const]
      : []),
  ].map(([name, message]) => [name, message])
}
