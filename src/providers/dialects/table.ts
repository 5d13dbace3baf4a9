import type { ModelDefinition } from '../../catalogue/model-definition.ts'
import type { Preset } from './dialect.ts'
import { dallE2, dallE3, gptImage1, gptImage1Mini, gptImage2 } from './openai/openai-models.ts'
import { openAiLike, openAiPresets } from './openai/openai-presets.ts'
import { yandexArtModel } from './yandex-art/yandex-art-models.ts'
import { yandexArtPresets } from './yandex-art/yandex-art-presets.ts'

const sandboxModels: ModelDefinition[] = [
  ...[gptImage1, gptImage2, dallE2, dallE3, gptImage1Mini].map((model) => ({ ...model, dialect: 'openai' })),
  { ...yandexArtModel, dialect: 'yandex-art' },
]

export const presets = {
  ...openAiPresets,
  ...yandexArtPresets,
  sandbox: {
    ...openAiLike,
    baseUrl: null,
    // The sandbox draws for ever what upstreams retire.
    models: sandboxModels.map((model) => ({ ...model, retirement: null })),
    sandbox: true,
  },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets
