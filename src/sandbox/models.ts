export type ImageKind = 'generation' | 'edit' | 'variation'

/** What one model accepts. The table is data, so that another model is another row. */
export interface SandboxModel {
  id: string
  family: 'gpt' | 'dall-e'
  /** The parameters each endpoint takes for this model; a missing endpoint is one the model does not serve. */
  parameters: Partial<Record<ImageKind, readonly string[]>>
  /** `free` is WIDTHxHEIGHT under the rule in `size.ts`. */
  sizes: readonly string[] | 'free'
  defaultSize: string
  qualities: readonly string[]
  transparency: boolean
  /** Which count of tokens an input image is billed with. */
  fidelity: 'choice' | 'low' | 'high' | 'none'
  maxN: number
  maxPromptLength: number
  maxImages: number
  maxImageBytes: number
  imageMimeTypes: readonly string[]
  squarePngOnly: boolean
}

const MiB = 1024 * 1024

const gptParameters = [
  'prompt',
  'model',
  'n',
  'size',
  'quality',
  'background',
  'output_format',
  'output_compression',
  'stream',
  'partial_images',
  'user',
]
// `moderation` is absent from the multipart schema of edits and present in the one of generations.
const gptGeneration = [...gptParameters, 'moderation']
const gptEdit = [...gptParameters, 'image', 'mask']
const dallEGeneration = ['prompt', 'model', 'n', 'size', 'quality', 'response_format', 'user']

const gptImage: Omit<SandboxModel, 'id'> = {
  family: 'gpt',
  parameters: { generation: gptGeneration, edit: [...gptEdit, 'input_fidelity'] },
  sizes: ['1024x1024', '1024x1536', '1536x1024', 'auto'],
  defaultSize: 'auto',
  qualities: ['low', 'medium', 'high', 'auto'],
  transparency: true,
  fidelity: 'choice',
  maxN: 10,
  maxPromptLength: 32_000,
  maxImages: 16,
  maxImageBytes: 50 * MiB,
  imageMimeTypes: ['image/jpeg', 'image/png', 'image/webp'],
  squarePngOnly: false,
}

const dallE: Omit<SandboxModel, 'id' | 'parameters' | 'sizes' | 'qualities' | 'maxN' | 'maxPromptLength'> = {
  family: 'dall-e',
  defaultSize: '1024x1024',
  transparency: false,
  fidelity: 'none',
  maxImages: 1,
  maxImageBytes: 4 * MiB,
  imageMimeTypes: ['image/png'],
  squarePngOnly: true,
}

export const sandboxModels: readonly SandboxModel[] = [
  { id: 'gpt-image-1', ...gptImage },
  {
    id: 'gpt-image-1-mini',
    ...gptImage,
    parameters: { generation: gptGeneration, edit: gptEdit },
    fidelity: 'low',
  },
  { id: 'gpt-image-1.5', ...gptImage },
  {
    // Inputs are always read at high fidelity, so the parameter is refused. Transparency follows the API
    // reference of August 2026; the older guide still calls it unsupported.
    id: 'gpt-image-2',
    ...gptImage,
    parameters: { generation: gptGeneration, edit: gptEdit },
    sizes: 'free',
    fidelity: 'high',
  },
  {
    id: 'dall-e-2',
    ...dallE,
    parameters: {
      generation: dallEGeneration,
      edit: [...dallEGeneration, 'image', 'mask'],
      variation: ['image', 'model', 'n', 'size', 'response_format', 'user'],
    },
    sizes: ['256x256', '512x512', '1024x1024'],
    qualities: ['standard', 'auto'],
    maxN: 10,
    maxPromptLength: 1000,
  },
  {
    id: 'dall-e-3',
    ...dallE,
    parameters: { generation: [...dallEGeneration, 'style'] },
    sizes: ['1024x1024', '1792x1024', '1024x1792'],
    qualities: ['standard', 'hd', 'auto'],
    maxN: 1,
    maxPromptLength: 4000,
  },
]

/** What an endpoint uses when no model is named, as in the API reference of August 2026. */
export const defaultModels: Record<ImageKind, string> = {
  generation: 'dall-e-2',
  edit: 'gpt-image-1.5',
  variation: 'dall-e-2',
}

export function findModel(id: string): SandboxModel | undefined {
  return sandboxModels.find((model) => model.id === id)
}

export const maxMaskBytes = 4 * MiB
