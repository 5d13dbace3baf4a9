import { type Capabilities, noCapabilities } from './capabilities.ts'
import type { ImageModel } from './image-model.ts'
import type { OperationKind } from './operation-kind.ts'

/** The parameters that a model may have beside `n`; each is a member of a request. */
export type SentParameter = Exclude<keyof Capabilities, 'n' | 'autoSize' | 'autoQuality'>

/** The parameters that a dialect sends, by kind of operation. It serves no other kind. */
export type SentParameters = Partial<Record<OperationKind, ReadonlySet<SentParameter>>>

const isNoMember = new Set<string>(['n', 'autoSize', 'autoQuality'])
const sentNames = Object.keys(noCapabilities).filter((name) => !isNoMember.has(name)) as SentParameter[]

/**
 * Parameters that a model would accept and its dialect would not send, as faults of the configuration: a form would offer
 * them, and they would have no effect.
 */
export function findUnsent(model: ImageModel, sends: SentParameters): string[] {
  return model.kinds.flatMap((kind) => {
    // A variation that goes through edits is checked as the edit it is.
    if (kind === 'VARIATION' && model.variationsThroughEdits) return []
    const capabilities = model.capabilities[kind]
    const sent = sends[kind]
    if (!sent) return [`${model.name}: the dialect ${model.dialect} does not send ${kind}`]
    return sentNames
      .filter((name) => capabilities?.[name] && !sent.has(name))
      .map((name) => `${model.name}: the dialect ${model.dialect} does not send ${name} for ${kind}`)
  })
}
