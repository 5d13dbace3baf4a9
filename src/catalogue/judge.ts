import type { Capabilities } from './capabilities.ts'
import { lossyFormats, transparentFormats } from './choices.ts'
import type { ImageModel } from './image-model.ts'
import type { RequestDraft } from './image-request.ts'
import { refuseUnsupported, refuseValue } from './parameter-refusal.ts'
import { type ParameterName, parameterList, parameters } from './parameters.ts'
import { checkMessageTexts } from './prompt-rules.ts'
import { checkImages, checkMask } from './source-rules.ts'

/**
 * The one judge of requests: it reads nothing but the registry, and `models` shows the same registry. It throws an
 * EaselError that names the input at fault, what would have been accepted, and what was given. First each parameter is
 * judged by its own rule, then what two of them say together, then the images.
 */
export function validateRequest(model: ImageModel, draft: RequestDraft): void {
  const capabilities = model.capabilities[draft.kind]
  if (!capabilities) throw refuseKind(model, draft.kind)
  const check: Check = { model, draft, capabilities }
  checkValues(check)
  checkText(check)
  checkRatio(check)
  checkFormat(check)
  checkPartialImages(check)
  checkSources(check)
}

interface Check {
  model: ImageModel
  draft: RequestDraft
  capabilities: Capabilities
}

export function refuseKind(model: ImageModel, kind: RequestDraft['kind']) {
  const reason = model.unsupported[kind] ?? 'It is not among the operations of this model.'
  const message = `${model.name} does not support ${kind}. ${reason}`
  return refuseUnsupported(message, {
    field: 'input.model',
    reason: 'KIND_NOT_SUPPORTED',
    allowed: model.kinds,
    actual: kind,
  })
}

function refuseParameter({ model, draft }: Check, name: ParameterName) {
  const message = `${model.name} does not have the parameter ${name} for ${draft.kind}.`
  return refuseUnsupported(message, { field: `input.${name}`, reason: 'PARAMETER_NOT_SUPPORTED' })
}

/** Each value that was given. A default is what every model does when nothing is said. */
function checkValues(check: Check): void {
  const { draft, capabilities, model } = check
  const given: Partial<Record<ParameterName, unknown>> = draft
  const rules: Record<string, unknown> = { ...capabilities }
  for (const parameter of parameterList) {
    const { name, capability, value: shape, default: usual, freeFor } = parameter
    const value = given[name]
    if (!shape || !capability || value === undefined || value === usual || freeFor === draft.kind) continue
    const rule = rules[capability]
    if (!rule) throw refuseParameter(check, name)
    parameter.check?.(value as NonNullable<unknown>, rule, { name, modelName: model.name })
  }
}

function checkText({ draft, capabilities }: Check): void {
  const { prompt, messages } = draft
  if (draft.kind === 'VARIATION' || prompt === undefined) return
  if (prompt !== null && messages !== null) {
    throw refuseValue('Give either a prompt or messages, not both.', {
      field: 'input.messages',
      reason: 'PROMPT_AND_MESSAGES',
    })
  }
  if (prompt === null && messages === null)
    throw refuseValue('A prompt is needed.', { field: 'input.prompt', reason: 'PROMPT_MISSING' })
  if (messages && capabilities.prompt) checkMessageTexts(messages, capabilities.prompt)
}

function checkRatio({ draft: { size, aspectRatio } }: Check): void {
  if (size === null || size === 'auto' || aspectRatio === null) return
  throw refuseValue('Give either a size or an aspect ratio, not both.', {
    field: 'input.aspectRatio',
    reason: 'SIZE_AND_RATIO',
  })
}

function checkFormat({ draft, capabilities }: Check): void {
  const { background, outputFormat, outputCompression } = draft
  if (background === 'TRANSPARENT' && outputFormat !== null && !transparentFormats.includes(outputFormat)) {
    throw refuseValue('A transparent background needs PNG or WEBP.', {
      field: 'input.outputFormat',
      reason: 'FORMAT_WITHOUT_TRANSPARENCY',
      allowed: transparentFormats,
      actual: outputFormat,
    })
  }
  // 100 is the upstream's default and has no effect for PNG.
  if (outputCompression === null || outputCompression === capabilities.outputCompression?.max) return
  if (lossyFormats.includes(outputFormat ?? 'PNG')) return
  throw refuseValue('Only JPEG and WEBP can be compressed; choose one of them as outputFormat.', {
    field: 'input.outputCompression',
    reason: 'FORMAT_WITHOUT_COMPRESSION',
    allowed: { outputFormat: lossyFormats },
    actual: outputCompression,
  })
}

function checkPartialImages({ draft: { partialImages, waits } }: Check): void {
  if (partialImages === parameters.partialImages.default || !waits) return
  throw refuseValue('Partial images need stream: true: without it the answer comes only when all is done.', {
    field: 'input.partialImages',
    reason: 'PARTIAL_IMAGES_WITHOUT_STREAM',
    allowed: [0],
    actual: partialImages,
    hint: 'SET_STREAM',
  })
}

function checkSources(check: Check): void {
  const { draft, capabilities } = check
  const { images, mask } = draft
  if (mask && !capabilities.mask) throw refuseParameter(check, 'mask')
  if (images && capabilities.images)
    checkImages(images, capabilities.images, { kind: draft.kind, hasMask: Boolean(mask) })
  if (mask && capabilities.mask) checkMask(mask, capabilities.mask, images?.[0])
}
