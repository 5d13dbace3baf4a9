import type { Capabilities, ImageModel } from './image-model.ts'
import type { OperationKind } from './image-request.ts'

/** What a model may take beside how many images: each is a member of a request. */
export type SentParameter = Exclude<keyof Capabilities, 'n' | 'autoSize' | 'autoQuality'>

/** What a dialect puts on the wire, by the kind of operation. It serves no other kind. */
export type SentParameters = Partial<Record<OperationKind, ReadonlySet<SentParameter>>>

/** Has to name every parameter: one that is forgotten does not compile. */
const parameters: Record<SentParameter, true> = {
  prompt: true,
  messages: true,
  images: true,
  mask: true,
  size: true,
  quality: true,
  background: true,
  inputFidelity: true,
  outputFormat: true,
  outputCompression: true,
  responseFormat: true,
  streaming: true,
  seed: true,
  aspectRatio: true,
  mimeType: true,
  endUser: true,
}

/**
 * What a model would accept and its dialect would leave out, as faults of the configuration: a form would offer it,
 * and nothing would come of it.
 */
export function findUnsent(model: ImageModel, sends: SentParameters): string[] {
  return model.kinds.flatMap((kind) => {
    // A variation that goes through edits is checked as the edit it is.
    if (kind === 'VARIATION' && model.variationsThroughEdits) return []
    const capabilities = model.capabilities[kind]
    const sent = sends[kind]
    if (!sent) return [`model ${model.name}: the dialect ${model.dialect} does not send ${kind}`]
    return (Object.keys(parameters) as SentParameter[])
      .filter((name) => capabilities?.[name] && !sent.has(name))
      .map((name) => `model ${model.name}: the dialect ${model.dialect} does not send ${name} for ${kind}`)
  })
}
