import type { ModelDefinition } from '../../catalogue/model-definition.ts'
import type { KnownModels } from '../../catalogue/model-registry.ts'
import type { WireOptions } from './dialect.ts'
import { describeGenericModel, describeLocalAiModel } from './openai/generic-model.ts'
import { dallE2, dallE3, gptImage1, gptImage1Mini, gptImage2, openAiModels } from './openai/openai-models.ts'
import { apigoModels, tokenOpsModels } from './openai/reseller-models.ts'
import { aliceArt, yandexArt, yandexArt2 } from './yandex-art/yandex-models.ts'

export interface Preset extends KnownModels {
  /** Null when only the operator can know it. */
  baseUrl: string | null
  /** How a key goes out; an IAM token is always a Bearer. */
  keyScheme: 'Bearer' | 'Api-Key'
  needsFolder: boolean
  /** The folder goes out as OpenAI-Project. */
  folderIsProject?: boolean
  wire: Partial<Omit<WireOptions, 'baseUrl'>>
}

const openAiLike: Omit<Preset, 'baseUrl'> = {
  models: [],
  describeModel: describeGenericModel,
  keyScheme: 'Bearer',
  needsFolder: false,
  wire: {},
}

const forever = ({ name, ...model }: ModelDefinition): ModelDefinition => ({
  ...model,
  name,
  retirement: null,
})

export const presets = {
  openai: { ...openAiLike, baseUrl: 'https://api.openai.com/v1', models: openAiModels },
  // sd.cpp runs JSON between these tags as parameters (examples/server/api.md @ 97d29908).
  'openai-compatible': {
    ...openAiLike,
    baseUrl: null,
    wire: { stripFromPrompt: /<\/?sd_cpp_extra_args>/gi },
  },
  localai: {
    ...openAiLike,
    baseUrl: 'http://127.0.0.1:8080/v1',
    describeModel: describeLocalAiModel,
    wire: { responseFormat: 'always' },
  },
  tokenops: { ...openAiLike, baseUrl: 'https://model-api.skyengine.com.cn/v1', models: tokenOpsModels },
  apigo: { ...openAiLike, baseUrl: 'https://maas.apigo.ai/v1', models: apigoModels },
  'yandex-ai-studio': {
    ...openAiLike,
    baseUrl: 'https://ai.api.cloud.yandex.net/v1',
    models: [aliceArt],
    describeModel: (name) => ({ ...aliceArt, name, upstreamName: `art://<folder>/${name}` }),
    keyScheme: 'Api-Key',
    needsFolder: true,
    folderIsProject: true,
  },
  'yandex-art': {
    ...openAiLike,
    baseUrl: 'https://llm.api.cloud.yandex.net',
    models: [yandexArt, yandexArt2],
    describeModel: (name) => ({ ...yandexArt, name, upstreamName: `art://<folder>/${name}/latest` }),
    keyScheme: 'Api-Key',
    needsFolder: true,
  },
  sandbox: {
    ...openAiLike,
    baseUrl: null,
    models: [gptImage1, gptImage2, dallE2, dallE3, gptImage1Mini, yandexArt].map(forever),
    sandbox: true,
  },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets
