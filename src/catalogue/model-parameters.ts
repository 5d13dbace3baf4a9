import type { Capabilities, SizeRule } from './image-model.ts'
import type { OperationKind } from './image-request.ts'

export type ParameterType =
  | 'STRING'
  | 'MESSAGES'
  | 'IMAGE'
  | 'IMAGES'
  | 'INTEGER'
  | 'BIG_INTEGER'
  | 'ENUM'
  | 'SIZE'
  | 'ASPECT_RATIO'
  | 'BOOLEAN'

/** One field of a form: the name is that of the mutation's input. */
export interface ModelParameter {
  name: string
  type: ParameterType
  required: boolean
  /** The choices; for a free value, suggestions. */
  values: string[]
  /** Bounds of a number, of the length of a text, or of the number of images. int64 bounds do not fit: strings. */
  min: string | null
  max: string | null
  default: string | null
  /** It counts only while another parameter has one of these values. */
  dependsOn: { parameter: string; values: string[] } | null
}

/** The form of one kind of operation, in the order a form would show it. */
export function listParameters(kind: OperationKind, capabilities: Capabilities): ModelParameter[] {
  return [
    ...sourceParameters(kind, capabilities),
    ...pictureParameters(capabilities),
    ...outputParameters(capabilities),
    ...(kind === 'GENERATE' ? seedParameters(capabilities) : []),
  ]
}

type Given = Partial<ModelParameter> & Pick<ModelParameter, 'name' | 'type'>

function parameter(given: Given): ModelParameter {
  return { required: false, values: [], min: null, max: null, default: null, dependsOn: null, ...given }
}

function sourceParameters(
  kind: OperationKind,
  { images, mask, prompt, messages }: Capabilities,
): ModelParameter[] {
  const found: ModelParameter[] = []
  if (images) {
    found.push(
      parameter({
        name: 'image',
        type: images.maxCount > 1 ? 'IMAGES' : 'IMAGE',
        required: true,
        values: images.mimeTypes,
        min: String(images.minCount),
        max: String(images.maxCount),
      }),
    )
  }
  if (mask) found.push(parameter({ name: 'mask', type: 'IMAGE', values: mask.mimeTypes }))
  if (prompt) {
    const required = kind === 'EDIT' || !messages
    found.push(
      parameter({ name: 'prompt', type: 'STRING', required, min: '1', max: String(prompt.maxLength) }),
    )
  }
  if (messages)
    found.push(parameter({ name: 'messages', type: 'MESSAGES', min: '1', max: String(messages.maxCount) }))
  return found
}

function pictureParameters(capabilities: Capabilities): ModelParameter[] {
  const { size, n, quality, background, inputFidelity } = capabilities
  const found = [parameter({ name: 'n', type: 'INTEGER', min: '1', max: String(n.max), default: '1' })]
  if (size) found.push(parameter({ name: 'size', type: 'SIZE', values: offeredSizes(size), default: 'auto' }))
  found.push(
    ...choice('quality', quality),
    ...choice('background', background),
    ...choice('inputFidelity', inputFidelity),
  )
  return found
}

function outputParameters(capabilities: Capabilities): ModelParameter[] {
  const { outputFormat, outputCompression, responseFormat, streaming, mimeType } = capabilities
  const found = [...choice('outputFormat', outputFormat)]
  if (outputCompression) {
    found.push(
      parameter({
        name: 'outputCompression',
        type: 'INTEGER',
        min: String(outputCompression.min),
        max: String(outputCompression.max),
        default: '100',
        dependsOn: { parameter: 'outputFormat', values: ['JPEG', 'WEBP'] },
      }),
    )
  }
  found.push(...choice('responseFormat', responseFormat), ...choice('mimeType', mimeType))
  if (streaming) {
    const max = String(streaming.maxPartialImages)
    found.push(parameter({ name: 'partialImages', type: 'INTEGER', min: '0', max, default: '0' }))
  }
  return found
}

function seedParameters({ seed, aspectRatio }: Capabilities): ModelParameter[] {
  const found: ModelParameter[] = []
  if (seed)
    found.push(parameter({ name: 'seed', type: 'BIG_INTEGER', min: String(seed.min), max: String(seed.max) }))
  if (aspectRatio)
    found.push(
      parameter({ name: 'aspectRatio', type: 'ASPECT_RATIO', min: '1', max: String(aspectRatio.max) }),
    )
  return found
}

function choice(name: string, values: string[] | null): ModelParameter[] {
  if (!values) return []
  return [parameter({ name, type: 'ENUM', values, default: values.includes('AUTO') ? 'AUTO' : null })]
}

/** `auto` first: every model takes it. */
export function offeredSizes(rule: SizeRule): string[] {
  return ['auto', ...(rule.type === 'list' ? rule.values : rule.presets)]
}
