import type {
  CostEstimateInput,
  CreateVariationInput,
  EditImageInput,
  FormParameterFragment,
  GenerateImageInput,
  ImageSource,
  OperationKind,
} from '../generated/graphql.ts'
import type { ChosenModel } from './model-choice.ts'
import type { SourceImage } from './source-image.ts'

/** A request of the Studio with its files. It is sent, kept for another try, and shown as code. */
export type StudioRequest = { requestId: string } & (
  | { kind: 'GENERATE'; input: GenerateImageInput }
  | { kind: 'EDIT'; input: EditImageInput }
  | { kind: 'VARIATION'; input: CreateVariationInput }
)

interface RequestParts {
  chosen: ChosenModel
  values: Record<string, string>
  sources: readonly SourceImage[]
  mask: ImageSource | null
  requestId: string
}

export function buildRequest({ chosen, values, sources, mask, requestId }: RequestParts): StudioRequest {
  const { model, operation } = chosen
  const plain = { ...plainInput(operation.parameters, values), model: model.id, requestId }
  const images = sources.map(imageSourceOf)
  switch (operation.kind) {
    case 'GENERATE':
      return { requestId, kind: 'GENERATE', input: plain }
    case 'EDIT': {
      const prompt = values.prompt ?? ''
      return { requestId, kind: 'EDIT', input: { ...plain, prompt, image: images, mask, stream: true } }
    }
    case 'VARIATION':
      return { requestId, kind: 'VARIATION', input: { ...plain, image: images[0] ?? noImage, stream: true } }
  }
}

/** Shown as code only: without an image nothing is sent. */
const noImage: ImageSource = { imageId: '' }

export function imageSourceOf({ imageId, blob }: SourceImage): ImageSource {
  return blob && !imageId ? { upload: blob } : { imageId: imageId ?? '' }
}

/** The first required parameter without a value. */
export function findMissing(
  chosen: ChosenModel,
  values: Record<string, string>,
  sources: readonly SourceImage[],
) {
  const hasParts = (values.messages ?? '') !== ''
  return chosen.operation.parameters.find(({ name, type, required }) => {
    if (type === 'IMAGE' || type === 'IMAGES') return required && sources.length === 0
    return (required || name === 'prompt') && !hasParts && (values[name] ?? '').trim() === ''
  })
}

/** Whether a parameter has an effect now, by the other parameters that it depends on. */
export function isApplicable(
  { dependsOn }: FormParameterFragment,
  parameters: readonly FormParameterFragment[],
  values: Record<string, string>,
): boolean {
  if (!dependsOn) return true
  const other = parameters.find(({ name }) => name === dependsOn.parameter)
  return dependsOn.values.includes(values[dependsOn.parameter] || other?.default || '')
}

/** The input of the mutation without images. Empty fields are left out. */
function plainInput(parameters: readonly FormParameterFragment[], values: Record<string, string>): object {
  const given = parameters.flatMap((parameter) => {
    const text = values[parameter.name] ?? ''
    if (text === '' || !isApplicable(parameter, parameters, values)) return []
    const value = readValue(parameter, text)
    return value === undefined ? [] : [[parameter.name, value] as const]
  })
  const input = Object.fromEntries(given)
  // The parts of a prompt replace the prompt.
  if (input.messages) delete input.prompt
  return input
}

function readValue({ type, values }: FormParameterFragment, text: string): unknown {
  switch (type) {
    case 'IMAGE':
    case 'IMAGES':
      return undefined
    case 'INTEGER':
      return Number(text)
    case 'BOOLEAN':
      return text === 'true'
    case 'ENUM':
      return values.includes(text) ? text : undefined
    case 'ASPECT_RATIO':
      return readAspectRatio(text)
    case 'MESSAGES':
      return readMessages(text)
    default:
      return text
  }
}

function readAspectRatio(text: string): object | undefined {
  const [widthRatio, heightRatio] = text.split(':')
  return widthRatio && heightRatio ? { widthRatio, heightRatio } : undefined
}

function readMessages(text: string): object[] | undefined {
  const messages = parseMessages(text).filter((message) => message.text.trim() !== '')
  if (messages.length === 0) return undefined
  return messages.map((message) => ({
    text: message.text,
    ...(message.weight === '' ? {} : { weight: Number(message.weight) }),
  }))
}

export interface DraftMessage {
  text: string
  weight: string
}

export function parseMessages(text: string): DraftMessage[] {
  return text ? JSON.parse(text) : []
}

interface EstimateParts {
  chosen: ChosenModel
  values: Record<string, string>
  sources: readonly SourceImage[]
  hasMask: boolean
}

const estimatedNames = ['n', 'size', 'quality', 'partialImages', 'inputFidelity', 'prompt']

export function buildEstimateInput({ chosen, values, sources, hasMask }: EstimateParts): CostEstimateInput {
  const { model, operation } = chosen
  const parameters = operation.parameters.filter(({ name }) => estimatedNames.includes(name))
  const known = sources.filter(({ width }) => width > 0)
  const sizes = known.map(({ width, height }) => ({ width, height }))
  const first = sizes[0]
  const kind: OperationKind = operation.kind
  const inputImages = kind === 'GENERATE' ? [] : hasMask && first ? [...sizes, first] : sizes
  return { ...plainInput(parameters, values), kind, model: model.id, inputImages }
}
