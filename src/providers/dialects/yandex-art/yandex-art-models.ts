import { noCapabilities } from '../../../catalogue/capabilities.ts'
import type { ModelDefinition } from '../../../catalogue/model-definition.ts'

const lastSeed = 2n ** 63n - 1n

/** https://aistudio.yandex.ru/docs/ru/ai-studio/concepts/limits: 500 characters; counted as code points. */
const promptLimit = { maxLength: 500 }

const ratioPresets = ['1024x1024', '1536x1024', '1024x1536', '1792x1024', '1024x1792']

/**
 * imageGenerationAsync, which makes one JPEG per operation. A weight other than 1 is documented as "currently not
 * supported", and a negative one that is ignored would turn a prompt into its opposite: refused until enabled.
 */
export const yandexArtModel: ModelDefinition = {
  name: 'yandex-art',
  upstreamName: 'art://<folder>/yandex-art/latest',
  description: 'YandexART: one JPEG per prompt, reproducible by its seed, in any ratio of sides.',
  capabilities: {
    GENERATE: {
      ...noCapabilities,
      prompt: promptLimit,
      messages: { maxCount: 16, weights: false },
      n: { max: 10 },
      size: { type: 'ratio', presets: ratioPresets },
      seed: { min: 0n, max: lastSeed },
      aspectRatio: { max: lastSeed },
      mimeType: ['image/jpeg'],
    },
  },
  unsupported: {
    EDIT: 'imageGenerationAsync makes images from prompts only.',
    VARIATION: 'imageGenerationAsync makes images from prompts only.',
  },
}

const latest: ModelDefinition = {
  ...yandexArtModel,
  retirement: {
    date: '2026-09-09',
    replacement: 'aliceai-image-art-3.0',
    toldBy: 'OTHERS',
    source: 'black-roland/homeassistant-yandexgpt#60: PERMISSION_DENIED since then',
  },
}

const yandexArt2: ModelDefinition = {
  ...yandexArtModel,
  name: 'yandex-art-2.0',
  upstreamName: 'art://<folder>/yandex-art-2.0/latest',
  description: 'YandexART 2.0; its retirement was announced in August 2026.',
}

export const yandexArtModels: readonly ModelDefinition[] = [latest, yandexArt2]
