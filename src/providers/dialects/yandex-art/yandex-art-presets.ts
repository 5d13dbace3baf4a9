import { sendScheme } from '../../credentials.ts'
import type { Preset } from '../dialect.ts'
import { yandexArtModel, yandexArtModels } from './yandex-art-models.ts'

export const yandexArtPresets = {
  'yandex-art': {
    dialect: 'yandex-art',
    baseUrl: 'https://llm.api.cloud.yandex.net',
    models: yandexArtModels,
    describeModel: (name) => ({ ...yandexArtModel, name, upstreamName: `art://<folder>/${name}/latest` }),
    authorize: (given) => sendScheme('Api-Key', given),
    takes: ['apiKey', 'iamToken', 'iamTokenCommand', 'enable'],
    needs: ['folderId'],
    wire: {},
  },
} as const satisfies Record<string, Preset>
