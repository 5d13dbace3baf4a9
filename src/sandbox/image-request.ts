import { defaultModels, findModel, type ImageKind, type SandboxModel } from './models.ts'
import { type Parameters, refuseMissing, refuseUnknown } from './parameters.ts'
import type { Encoding } from './picture.ts'
import { checkSize, type Size } from './size.ts'
import { refuseChoice, refuseInvalid, WireError } from './wire-error.ts'

/** A request the service would take, as far as its parameters go. */
export interface ImageRequest {
  kind: ImageKind
  model: SandboxModel
  prompt: string
  n: number
  size: Size | 'auto'
  quality: string
  background: 'opaque' | 'transparent'
  format: Encoding['format']
  compression: number
  responseFormat: 'url' | 'b64_json'
  highFidelity: boolean
  stream: boolean
  partialImages: number
  style: string
}

export function readImageRequest(kind: ImageKind, parameters: Parameters): ImageRequest {
  const model = readModel(kind, parameters)
  for (const name of parameters.names()) {
    if (!model.parameters[kind]?.includes(name)) throw refuseUnknown(name)
  }
  const prompt = readPrompt(kind, model, parameters)
  parameters.text('user', { maxLength: 512 })
  parameters.choice('moderation', ['low', 'auto'])
  const size = checkSize(model, parameters.text('size', { maxLength: 32 }) ?? model.defaultSize)
  const quality = parameters.choice('quality', model.qualities) ?? 'auto'
  return {
    kind,
    model,
    prompt,
    n: parameters.integer('n', 1, model.maxN) ?? 1,
    size,
    quality: quality === 'auto' ? chooseQuality(model) : quality,
    ...readOutput(model, parameters),
    ...readStream(parameters),
    highFidelity: readFidelity(model, parameters),
    style: parameters.choice('style', ['vivid', 'natural']) ?? 'vivid',
  }
}

function readModel(kind: ImageKind, parameters: Parameters): SandboxModel {
  const id = parameters.text('model', { maxLength: 256 }) ?? defaultModels[kind]
  const model = findModel(id)
  if (!model) {
    const message = `The model '${id}' does not exist or you do not have access to it.`
    throw new WireError('model_not_found', message, { status: 404, param: 'model' })
  }
  if (model.parameters[kind]) return model
  if (kind === 'variation') throw refuseInvalid('model', `Invalid value: '${id}'. Value must be 'dall-e-2'.`)
  throw refuseChoice('model', id, [
    'gpt-image-1',
    'gpt-image-1-mini',
    'gpt-image-1.5',
    'gpt-image-2',
    'dall-e-2',
  ])
}

function readPrompt(kind: ImageKind, model: SandboxModel, parameters: Parameters): string {
  if (kind === 'variation') return ''
  const prompt = parameters.text('prompt', { maxLength: model.maxPromptLength })
  if (prompt === undefined) throw refuseMissing('prompt')
  if (prompt === '') {
    const message = `Invalid 'prompt': empty string. Expected a string with minimum length 1.`
    throw new WireError('empty_string', message, { param: 'prompt' })
  }
  return prompt
}

function chooseQuality(model: SandboxModel): string {
  return model.family === 'gpt' ? 'medium' : 'standard'
}

function readOutput(model: SandboxModel, parameters: Parameters) {
  const format = (parameters.choice('output_format', ['png', 'jpeg', 'webp']) ?? 'png') as Encoding['format']
  const background = parameters.choice('background', ['transparent', 'opaque', 'auto'])
  if (background === 'transparent' && !model.transparency) {
    throw refuseInvalid('background', `Transparent background is not supported for this model.`)
  }
  if (background === 'transparent' && format === 'jpeg') {
    throw refuseInvalid('background', 'Transparent background is not supported for JPEG output format.')
  }
  const compression = parameters.integer('output_compression', 0, 100) ?? 100
  if (format === 'png' && compression < 100) {
    throw refuseInvalid(
      'output_compression',
      'Compression less than 100 is not supported for PNG output format.',
    )
  }
  const responseFormat = parameters.choice('response_format', ['url', 'b64_json'])
  return {
    format,
    background: background === 'transparent' ? ('transparent' as const) : ('opaque' as const),
    compression,
    responseFormat:
      model.family === 'gpt' || responseFormat === 'b64_json' ? ('b64_json' as const) : ('url' as const),
  }
}

function readStream(parameters: Parameters) {
  const stream = parameters.flag('stream') ?? false
  const partialImages = parameters.integer('partial_images', 0, 3) ?? 0
  if (partialImages > 0 && !stream) {
    throw refuseInvalid('partial_images', `'partial_images' is only supported with 'stream' set to true.`)
  }
  return { stream, partialImages }
}

function readFidelity(model: SandboxModel, parameters: Parameters): boolean {
  const asked = parameters.choice('input_fidelity', ['low', 'high'])
  return model.fidelity === 'high' || asked === 'high'
}
