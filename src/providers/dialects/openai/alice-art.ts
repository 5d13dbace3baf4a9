import { type Capabilities, noCapabilities } from '../../../catalogue/capabilities.ts'
import type { ModelDefinition } from '../../../catalogue/model-definition.ts'
import { gptEdit } from './openai-models.ts'

/** https://aistudio.yandex.ru/docs/ru/ai-studio/concepts/limits: 500 characters; counted as code points. */
const promptLimit = { maxLength: 500 }

const ratioPresets = ['1024x1024', '1536x1024', '1024x1536', '1792x1024', '1024x1792']

/** The edits endpoint of AI Studio as its page documents it, for the day it opens. */
const studioEdit: Capabilities = {
  ...gptEdit,
  size: { type: 'list', values: ['1024x1024', '1536x1024', '1024x1536'] },
  autoSize: false,
  quality: ['AUTO', 'STANDARD', 'LOW', 'MEDIUM', 'HIGH'],
  responseFormat: ['URL', 'B64_JSON'],
}

const studioVariation: Capabilities = {
  ...noCapabilities,
  endUser: true,
  size: { type: 'list', values: ['1024x1024'] },
  responseFormat: ['URL', 'B64_JSON'],
  images: gptEdit.images && { ...gptEdit.images, maxCount: 1 },
}

function notYet(what: string): string {
  return `Yandex AI Studio documents ${what} as "CURRENTLY NOT SUPPORTED". An operator can switch it on once it opens.`
}

/** Only `prompt`, `model` and `size` mean anything there today, and the size only as a ratio. */
export const aliceArt: ModelDefinition = {
  name: 'aliceai-image-art-3.0',
  upstreamName: 'art://<folder>/aliceai-image-art-3.0',
  description: 'Alice AI ART of Yandex AI Studio: one JPEG per prompt, in any ratio of sides.',
  capabilities: {
    GENERATE: {
      ...noCapabilities,
      prompt: promptLimit,
      n: { max: 1 },
      size: { type: 'ratio', presets: ratioPresets },
    },
  },
  dormant: {
    EDIT: { reason: notYet('image edits'), capabilities: studioEdit },
    VARIATION: { reason: notYet('image variations'), capabilities: studioVariation },
  },
}
