import { sendBearer, sendScheme } from '../../credentials.ts'
import type { Preset } from '../dialect.ts'
import { aliceArt } from './alice-art.ts'
import { describeGenericModel, describeLocalAiModel } from './generic-model.ts'
import { openAiModels } from './openai-models.ts'
import { apigoModels, tokenOpsModels } from './reseller-models.ts'

const takes = [
  'apiKey',
  'organization',
  'project',
  'multiImageField',
  'maskField',
  'responseFormat',
  'forcePartialImages',
] as const satisfies Preset['takes']

/** Servers that run a model themselves take parts of a prompt for commands. */
const selfHosted = { takes: [...takes, 'allowPromptTags'], wire: { allowPromptTags: false } } as const

/** Any server that copies OpenAI's Images API. */
export const openAiLike = {
  dialect: 'openai',
  models: [],
  describeModel: describeGenericModel,
  authorize: (given) => ({ ...sendBearer(given), ...listAccount(given) }),
  takes,
  wire: {},
} satisfies Omit<Preset, 'baseUrl'>

/** Whose account is charged: https://platform.openai.com/docs/api-reference/authentication. */
function listAccount({ organization, project }: Parameters<Preset['authorize']>[0]): Record<string, string> {
  return {
    ...(organization && { 'openai-organization': organization }),
    ...(project && { 'openai-project': project }),
  }
}

export const openAiPresets = {
  openai: { ...openAiLike, baseUrl: 'https://api.openai.com/v1', models: openAiModels },
  'openai-compatible': {
    ...openAiLike,
    ...selfHosted,
    baseUrl: null,
  },
  localai: {
    ...openAiLike,
    ...selfHosted,
    baseUrl: 'http://127.0.0.1:8080/v1',
    describeModel: describeLocalAiModel,
    wire: { ...selfHosted.wire, responseFormat: 'always' },
  },
  tokenops: { ...openAiLike, baseUrl: 'https://model-api.skyengine.com.cn/v1', models: tokenOpsModels },
  apigo: { ...openAiLike, baseUrl: 'https://maas.apigo.ai/v1', models: apigoModels },
  'yandex-ai-studio': {
    ...openAiLike,
    baseUrl: 'https://ai.api.cloud.yandex.net/v1',
    models: [aliceArt],
    describeModel: (name) => ({ ...aliceArt, name, upstreamName: `art://<folder>/${name}` }),
    authorize: (given) => ({ ...sendScheme('Api-Key', given), ...listAccount(given) }),
    takes: [...takes, 'iamToken', 'iamTokenCommand', 'enable'],
    needs: ['folderId'],
    folderIsProject: true,
  },
} as const satisfies Record<string, Preset>
