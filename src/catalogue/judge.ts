import type { Capabilities, ImageModel } from './image-model.ts'
import type { RequestDraft } from './image-request.ts'
import { refuseUnsupported, refuseValue } from './parameter-refusal.ts'
import { checkSize } from './size-rule.ts'
import { checkImages, checkMask } from './source-rules.ts'

/**
 * The one judge of requests: it reads nothing but the registry, and `models` shows the same registry. It throws an
 * EaselError that names the input at fault, what would have been accepted, and what was given.
 */
export function validateRequest(model: ImageModel, draft: RequestDraft): void {
  const capabilities = model.capabilities[draft.kind]
  if (!capabilities) throw refuseKind(model, draft.kind)
  const check: Check = { model, draft, capabilities }
  checkText(check)
  checkRange('n', draft.n, { min: 1, max: capabilities.n.max })
  checkPicture(check)
  checkOutput(check)
  checkStream(check)
  checkSeed(check)
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

function refuseParameter({ model, draft }: Check, name: string) {
  const message = `${model.name} does not have the parameter ${name} for ${draft.kind}.`
  return refuseUnsupported(message, { field: `input.${name}`, reason: 'PARAMETER_NOT_SUPPORTED' })
}

function checkText(check: Check): void {
  const { draft, capabilities } = check
  const { prompt, messages } = draft
  if (draft.kind === 'VARIATION' || prompt === undefined) return
  if (messages && !capabilities.messages) throw refuseParameter(check, 'messages')
  if (prompt !== null && messages !== null) {
    throw refuseValue('Give either a prompt or messages, not both.', {
      field: 'input.messages',
      reason: 'PROMPT_AND_MESSAGES',
    })
  }
  if (messages) {
    checkMessages(check, messages)
    return
  }
  if (prompt === null)
    throw refuseValue('A prompt is needed.', { field: 'input.prompt', reason: 'PROMPT_MISSING' })
  checkPrompt(prompt, 'input.prompt', capabilities)
}

function checkPrompt(prompt: string, field: string, { prompt: rule }: Capabilities): void {
  if (prompt.trim() === '')
    throw refuseValue('The prompt is empty.', { field, reason: 'PROMPT_EMPTY', actual: 0 })
  const maxLength = rule?.maxLength ?? 0
  const length = countCodePoints(prompt)
  if (length <= maxLength) return
  throw refuseValue(`The prompt has ${length} characters; this model takes ${maxLength}.`, {
    field,
    reason: 'PROMPT_TOO_LONG',
    allowed: { min: 1, max: maxLength },
    actual: length,
    hint: 'SHORTEN',
  })
}

function countCodePoints(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** Whether the limit holds for each message or for all is not documented: for all, then. */
function checkMessages(check: Check, messages: NonNullable<RequestDraft['messages']>): void {
  const rule = check.capabilities.messages ?? { maxCount: 0, weights: false }
  const field = 'input.messages'
  if (messages.length < 1 || messages.length > rule.maxCount) {
    const allowed = { min: 1, max: rule.maxCount }
    throw refuseValue('Too few or too many messages.', {
      field,
      reason: 'MESSAGE_COUNT',
      allowed,
      actual: messages.length,
    })
  }
  for (const [index, { text, weight }] of messages.entries()) {
    checkPrompt(text, `${field}.${index}.text`, check.capabilities)
    if (weight === null || weight === 1 || rule.weights) continue
    throw refuseUnsupported('Weights of messages are documented as currently not supported.', {
      field: `${field}.${index}.weight`,
      reason: 'PARAMETER_NOT_SUPPORTED',
      allowed: [1],
      actual: weight,
    })
  }
  if (messages.length > 1) checkPrompt(messages.map(({ text }) => text).join(''), field, check.capabilities)
}

function checkRange(name: string, value: number, { min, max }: { min: number; max: number }): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  const message = `${name} must be a whole number from ${min} to ${max}.`
  throw refuseValue(message, {
    field: `input.${name}`,
    reason: 'OUT_OF_RANGE',
    allowed: { min, max },
    actual: value,
  })
}

function checkPicture(check: Check): void {
  const { draft, capabilities, model } = check
  const { size, aspectRatio } = draft
  if (size !== null) {
    if (capabilities.size) checkSize(size, capabilities.size, model.name)
    else throw refuseParameter(check, 'size')
  }
  if (size !== null && size !== 'auto' && aspectRatio !== null && capabilities.aspectRatio) {
    throw refuseValue('Give either a size or an aspect ratio, not both.', {
      field: 'input.aspectRatio',
      reason: 'SIZE_AND_RATIO',
    })
  }
  checkChoice(check, 'quality')
  checkChoice(check, 'background')
  checkChoice(check, 'inputFidelity')
}

type Choice = 'quality' | 'background' | 'inputFidelity' | 'outputFormat' | 'responseFormat' | 'mimeType'

function checkChoice(check: Check, name: Choice): void {
  const value = check.draft[name]
  const allowed = check.capabilities[name]
  if (value === null) return
  if (!allowed) throw refuseParameter(check, name)
  if (allowed.includes(value)) return
  throw refuseValue(`${name} must be one of ${allowed.join(', ')} for ${check.model.name}.`, {
    field: `input.${name}`,
    reason: 'VALUE_NOT_SUPPORTED',
    allowed,
    actual: value.slice(0, 64),
  })
}

/** Formats that keep transparency, and formats that lose something when they are pressed. */
const transparentFormats = ['PNG', 'WEBP']
const lossyFormats = ['JPEG', 'WEBP']

function checkOutput(check: Check): void {
  const { draft } = check
  checkChoice(check, 'outputFormat')
  checkChoice(check, 'responseFormat')
  checkChoice(check, 'mimeType')
  if (
    draft.background === 'TRANSPARENT' &&
    draft.outputFormat !== null &&
    !transparentFormats.includes(draft.outputFormat)
  ) {
    throw refuseValue('A transparent background needs PNG or WEBP.', {
      field: 'input.outputFormat',
      reason: 'FORMAT_WITHOUT_TRANSPARENCY',
      allowed: transparentFormats,
      actual: draft.outputFormat,
    })
  }
  checkCompression(check)
}

/** 100 is the upstream's default, and means nothing for PNG. */
function checkCompression(check: Check): void {
  const { outputCompression: value, outputFormat } = check.draft
  const rule = check.capabilities.outputCompression
  if (value === null) return
  if (!rule) throw refuseParameter(check, 'outputCompression')
  checkRange('outputCompression', value, rule)
  if (value === rule.max || lossyFormats.includes(outputFormat ?? 'PNG')) return
  throw refuseValue('Only JPEG and WEBP can be compressed; choose one of them as outputFormat.', {
    field: 'input.outputCompression',
    reason: 'FORMAT_WITHOUT_COMPRESSION',
    allowed: { outputFormat: lossyFormats },
    actual: value,
  })
}

function checkStream(check: Check): void {
  const { draft, capabilities } = check
  // A variation has no upstream stream: there the word says only whether the mutation waits.
  if (draft.kind === 'VARIATION') return
  if (draft.kind === 'EDIT' && draft.stream && !capabilities.streaming) throw refuseParameter(check, 'stream')
  if (draft.partialImages === 0) return
  if (!capabilities.streaming) throw refuseParameter(check, 'partialImages')
  checkRange('partialImages', draft.partialImages, { min: 0, max: capabilities.streaming.maxPartialImages })
  if (!draft.waits) return
  throw refuseValue('Partial images need stream: true: without it the answer comes only when all is done.', {
    field: 'input.partialImages',
    reason: 'PARTIAL_IMAGES_WITHOUT_STREAM',
    allowed: [0],
    actual: draft.partialImages,
    hint: 'SET_STREAM',
  })
}

function checkSeed(check: Check): void {
  const { seed, aspectRatio } = check.draft
  const { seed: seedRule, aspectRatio: ratioRule } = check.capabilities
  if (seed !== null && !seedRule) throw refuseParameter(check, 'seed')
  if (aspectRatio !== null && !ratioRule) throw refuseParameter(check, 'aspectRatio')
  if (seed !== null && seedRule) checkBigRange('seed', seed, seedRule)
  if (aspectRatio === null || !ratioRule) return
  checkBigRange('aspectRatio.widthRatio', aspectRatio.widthRatio, { min: 1n, max: ratioRule.max })
  checkBigRange('aspectRatio.heightRatio', aspectRatio.heightRatio, { min: 1n, max: ratioRule.max })
}

function checkBigRange(name: string, value: bigint, { min, max }: { min: bigint; max: bigint }): void {
  if (value >= min && value <= max) return
  const allowed = { min: String(min), max: String(max) }
  const message = `${name} must be from ${min} to ${max}.`
  throw refuseValue(message, {
    field: `input.${name}`,
    reason: 'OUT_OF_RANGE',
    allowed,
    actual: String(value),
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
