import type { ModelDefinition } from '../../../catalogue/model-definition.ts'
import { dallE2, gptImage1 } from './openai-models.ts'

const onlyEdits = (name: string) => ({
  GENERATE: `${name} documents image edits only. An operator can add a model definition for more.`,
  VARIATION: `${name} documents image edits only. An operator can add a model definition for more.`,
})

/** Resellers still route the old names, at their own prices. Both document edits only, by OpenAI's rules. */
function resold(model: ModelDefinition, reseller: string): ModelDefinition {
  const { EDIT } = model.capabilities
  if (!EDIT) throw new Error(`${model.name} has no edits to resell`)
  return {
    name: model.name,
    description: `${model.description} Routed by ${reseller}.`,
    capabilities: { EDIT },
    unsupported: onlyEdits(reseller),
    pricing: { ...(model.pricing ?? noPrices), prices: [] },
  }
}

const noPrices = { prices: [], outputTokens: [], inputImageTokens: null, partialImageTokens: 0 }

export const tokenOpsModels: readonly ModelDefinition[] = [
  resold(gptImage1, 'TokenOps'),
  resold(dallE2, 'TokenOps'),
]
export const apigoModels: readonly ModelDefinition[] = [resold(gptImage1, 'APIGO'), resold(dallE2, 'APIGO')]
