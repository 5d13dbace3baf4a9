import { type Capabilities, noCapabilities } from '../../../catalogue/capabilities.ts'
import type { ModelDefinition } from '../../../catalogue/model-definition.ts'
import type { Pricing } from '../../../catalogue/pricing.ts'
import type { Retirement } from '../../../catalogue/retirement.ts'
import type { SizeRule } from '../../../catalogue/size-rule.ts'
import type { ImageRule } from '../../../catalogue/source-rules.ts'
import {
  dallE2Pricing,
  dallE3Pricing,
  gptImage1MiniPricing,
  gptImage1Pricing,
  gptImage2Pricing,
  gptImage15Pricing,
  gptImage25Pricing,
  gptImage26Pricing,
} from './openai-prices.ts'

/*
 * Sources: OpenAI's openapi.yaml 2.3.0 of 2026-08-21 (github openai/openai-openapi @ f85dbe22), its image generation
 * guide, and the API reference as of November 2026. A remark marks what only third parties report.
 */

const mebibyte = 1024 * 1024

const gptSizes: SizeRule = { type: 'list', values: ['1024x1024', '1536x1024', '1024x1536'] }

/** From the guide and confirmed live (MicrosoftDocs/azure-ai-docs#779, openclaw#118476). */
const freeSizes: SizeRule = {
  type: 'range',
  multipleOf: 16,
  maxEdge: 3840,
  maxRatio: 3,
  minPixels: 655_360,
  maxPixels: 8_294_400,
  presets: ['1024x1024', '1536x1024', '1024x1536', '2048x2048', '2048x1152', '3840x2160', '2160x3840'],
}

export const gptGenerate: Capabilities = {
  ...noCapabilities,
  endUser: true,
  prompt: { maxLength: 32_000 },
  size: gptSizes,
  autoSize: true,
  quality: ['AUTO', 'LOW', 'MEDIUM', 'HIGH'],
  autoQuality: true,
  background: ['AUTO', 'OPAQUE', 'TRANSPARENT'],
  outputFormat: ['PNG', 'JPEG', 'WEBP'],
  outputCompression: { min: 0, max: 100 },
  moderation: { values: ['AUTO', 'LOW'], default: null },
  streaming: { maxPartialImages: 3 },
}

const gptImages: ImageRule = {
  minCount: 1,
  maxCount: 16,
  mimeTypes: ['image/png', 'image/jpeg', 'image/webp'],
  maxBytes: 50 * mebibyte,
  square: false,
  alphaUnlessMasked: false,
}

/** The guide allows masks of 50 MB, the API reference 4 MB: the stricter rule holds. */
export const maskRule = { mimeTypes: ['image/png'], maxBytes: 4 * mebibyte }

export const gptEdit: Capabilities = {
  ...gptGenerate,
  // Edits have it as JSON only, and Easel sends forms.
  moderation: null,
  images: gptImages,
  mask: maskRule,
  inputFidelity: ['LOW', 'HIGH'],
}

const dallE2Generate: Capabilities = {
  ...noCapabilities,
  endUser: true,
  prompt: { maxLength: 1000 },
  size: { type: 'list', values: ['256x256', '512x512', '1024x1024'] },
  quality: ['AUTO', 'STANDARD'],
  responseFormat: ['URL', 'B64_JSON'],
}

const dallE2Images: ImageRule = {
  minCount: 1,
  maxCount: 1,
  mimeTypes: ['image/png'],
  maxBytes: 4 * mebibyte,
  square: true,
  alphaUnlessMasked: true,
}

const dallE2Edit: Capabilities = { ...dallE2Generate, images: dallE2Images, mask: maskRule }

export const dallE2Variation: Capabilities = {
  ...dallE2Generate,
  prompt: null,
  quality: null,
  images: { ...dallE2Images, alphaUnlessMasked: false },
}

const onlyDallE2Varies = 'Variations exist for dall-e-2 only.'

interface GptModel {
  description: string
  pricing: Pricing
  retirement?: Retirement
  size?: SizeRule
  quality?: string[]
  fidelity?: boolean
}

function defineGpt(
  name: string,
  { description, pricing, retirement, size, quality, fidelity }: GptModel,
): ModelDefinition {
  const own = { ...(size && { size }), ...(quality && { quality }) }
  return {
    name,
    description,
    capabilities: {
      GENERATE: { ...gptGenerate, ...own },
      EDIT: { ...gptEdit, ...own, inputFidelity: fidelity ? gptEdit.inputFidelity : null },
    },
    unsupported: { VARIATION: onlyDallE2Varies },
    // The last model with variations is retired; the others can make variations by an edit.
    variationsThroughEdits: !retirement,
    retirement: retirement ?? null,
    pricing,
  }
}

/** The page has moved replacements before. */
function retireOn(date: string, replacement: string): Retirement {
  return { date, replacement, toldBy: 'PROVIDER', source: 'developers.openai.com/api/docs/deprecations' }
}

/** Announced on 2026-06-02. */
const beforeTwo = retireOn('2026-12-01', 'gpt-image-2.6-sunburst')
const dallE = retireOn('2026-05-12', 'gpt-image-2')
/** Third party: live probe of 2026-09-23. */
const finerQuality = ['AUTO', 'LOW', 'MEDIUM', 'HIGH', 'XHIGH', 'MAX']

export const gptImage1 = defineGpt('gpt-image-1', {
  description: 'The first GPT image model: fixed sizes, transparency, input fidelity.',
  pricing: gptImage1Pricing,
  retirement: retireOn('2026-10-23', 'gpt-image-2.5-sunburst'),
  fidelity: true,
})

export const gptImage1Mini = defineGpt('gpt-image-1-mini', {
  // It takes `input_fidelity: low`, which is what it does without the parameter.
  description: 'A cheaper gpt-image-1 without input fidelity.',
  pricing: gptImage1MiniPricing,
  retirement: beforeTwo,
})

/**
 * Transparent backgrounds are "in preview" in the guide, and an error in the reference of the command line: the provider
 * decides, and its answer is shown.
 */
export const gptImage2 = defineGpt('gpt-image-2', {
  description:
    'Any size within bounds; input images are always read with high fidelity; transparent backgrounds in preview.',
  pricing: gptImage2Pricing,
  size: freeSizes,
})

export const dallE2: ModelDefinition = {
  name: 'dall-e-2',
  description: 'Small square images; the only model with variations.',
  capabilities: { GENERATE: dallE2Generate, EDIT: dallE2Edit, VARIATION: dallE2Variation },
  retirement: dallE,
  pricing: dallE2Pricing,
}

export const dallE3: ModelDefinition = {
  name: 'dall-e-3',
  description: 'One image at a time from a prompt that the model rewrites.',
  capabilities: {
    GENERATE: {
      ...dallE2Generate,
      prompt: { maxLength: 4000 },
      n: { max: 1 },
      size: { type: 'list', values: ['1024x1024', '1792x1024', '1024x1792'] },
      quality: ['AUTO', 'STANDARD', 'HD'],
    },
  },
  unsupported: { EDIT: 'dall-e-3 makes images from prompts only.', VARIATION: onlyDallE2Varies },
  retirement: dallE,
  pricing: dallE3Pricing,
}

const gptImage15 = { pricing: gptImage15Pricing, retirement: beforeTwo, fidelity: true }
const gptImage25 = { pricing: gptImage25Pricing, size: freeSizes, quality: finerQuality }
const gptImage26 = { pricing: gptImage26Pricing, size: freeSizes, quality: finerQuality }

export const openAiModels: readonly ModelDefinition[] = [
  gptImage2,
  defineGpt('gpt-image-2-2026-04-21', {
    description: 'gpt-image-2 as of 2026-04-21.',
    pricing: gptImage2Pricing,
    size: freeSizes,
  }),
  defineGpt('gpt-image-2.6-sunburst', { description: 'The newest model, for quality.', ...gptImage26 }),
  defineGpt('gpt-image-2.6-flare', { description: 'The newest model, for speed.', ...gptImage26 }),
  defineGpt('gpt-image-2.5-sunburst', { description: 'gpt-image-2.5, for quality.', ...gptImage25 }),
  defineGpt('gpt-image-2.5-flare', { description: 'gpt-image-2.5, for speed.', ...gptImage25 }),
  defineGpt('gpt-image-2.5-sunburst-2026-09-08', {
    description: 'gpt-image-2.5-sunburst as of 2026-09-08.',
    ...gptImage25,
  }),
  defineGpt('gpt-image-2.5-flare-2026-09-08', {
    description: 'gpt-image-2.5-flare as of 2026-09-08.',
    ...gptImage25,
  }),
  defineGpt('gpt-image-1.5', { description: 'Fixed sizes, transparency, input fidelity.', ...gptImage15 }),
  defineGpt('gpt-image-1.5-2025-12-16', { description: 'gpt-image-1.5 as of 2025-12-16.', ...gptImage15 }),
  defineGpt('chatgpt-image-latest', {
    description: 'The image model of ChatGPT at that time.',
    ...gptImage15,
  }),
  gptImage1Mini,
  gptImage1,
  dallE3,
  dallE2,
]
