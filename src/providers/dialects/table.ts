import type { ModelDefinition } from '../../catalogue/model-definition.ts'
import { bfl } from './bfl/bfl-dialect.ts'
import { bflPresets } from './bfl/bfl-presets.ts'
import type { Dialect, Preset } from './dialect.ts'
import { openAi } from './openai/openai-dialect.ts'
import { openAiLike, openAiPresets } from './openai/openai-presets.ts'
import { yandexArt } from './yandex-art/yandex-art-dialect.ts'
import { yandexArtPresets } from './yandex-art/yandex-art-presets.ts'

/** Every dialect there is. A new one is a folder, a row here and its presets below. */
const table: readonly Dialect[] = [openAi, yandexArt, bfl]

const byName = new Map(table.map((dialect) => [dialect.name, dialect]))

export function findDialect(name: string): Dialect {
  const found = byName.get(name)
  if (!found) throw new Error(`There is no dialect ${name}`)
  return found
}

export const presets = {
  ...openAiPresets,
  ...yandexArtPresets,
  ...bflPresets,
  sandbox: {
    ...openAiLike,
    baseUrl: null,
    models: table.flatMap(listSandboxModels),
    takes: [...openAiLike.takes, 'folderId', 'enable'],
    sandbox: true,
  },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets

/** The sandbox's models are never retired. */
function listSandboxModels({ name: dialect, sandbox }: Dialect): ModelDefinition[] {
  return sandbox.models.map((model) => ({ ...model, dialect, retirement: null }))
}
