import { type Capabilities, noCapabilities } from '../../../catalogue/capabilities.ts'
import type { ModelDefinition } from '../../../catalogue/model-definition.ts'
import { dallE2Variation, gptEdit, gptGenerate } from './openai-models.ts'

/**
 * A model without a description: Easel refuses only what can never be right, and the server judges the rest. Usage is
 * kept if the server reports it; there is no price.
 */
const generate: Capabilities = {
  ...gptEdit,
  images: null,
  mask: null,
  inputFidelity: null,
  moderation: gptGenerate.moderation,
  size: { type: 'any', presets: ['512x512', '1024x1024', '1536x1024', '1024x1536'] },
  quality: ['AUTO', 'LOW', 'MEDIUM', 'HIGH', 'STANDARD', 'HD', 'XHIGH', 'MAX'],
  autoQuality: false,
  autoSize: false,
  responseFormat: ['URL', 'B64_JSON'],
}

const edit: Capabilities = {
  ...generate,
  images: gptEdit.images,
  mask: gptEdit.mask,
  inputFidelity: ['LOW', 'HIGH'],
}

const variation: Capabilities = {
  ...dallE2Variation,
  size: generate.size,
  images: gptEdit.images && { ...gptEdit.images, maxCount: 1 },
}

export function describeGenericModel(name: string): ModelDefinition {
  return {
    name,
    description: 'A model of an OpenAI-compatible server.',
    capabilities: { GENERATE: generate, EDIT: edit, VARIATION: variation },
  }
}

const noEndpoint = 'LocalAI has no endpoint for this.'

/** LocalAI @ 82c191af (2026-08-22): generations only, always PNG, addresses unless base64 is asked for, no streams. */
export function describeLocalAiModel(name: string): ModelDefinition {
  return {
    name,
    description: 'A model of a LocalAI server.',
    capabilities: {
      GENERATE: {
        ...noCapabilities,
        prompt: { maxLength: 32_000 },
        size: { type: 'any', presets: ['256x256', '512x512', '1024x1024'] },
        responseFormat: ['URL', 'B64_JSON'],
      },
    },
    unsupported: { EDIT: noEndpoint, VARIATION: noEndpoint },
  }
}
