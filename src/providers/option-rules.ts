import { z } from 'zod'
import { enablements } from '../catalogue/model-registry.ts'

const text = z.string().min(1)

/** The options that only some presets have. Each preset names its own. */
export const optionRules = {
  apiKey: text.optional(),
  /** A token of Yandex Cloud. It takes precedence over the key. */
  iamToken: text.optional(),
  /** A shell command that prints such a token. They live for twelve hours at most. */
  iamTokenCommand: text.optional(),
  organization: text.optional(),
  project: text.optional(),
  folderId: text.optional(),
  enable: z.array(z.enum(enablements)).readonly().optional(),
  multiImageField: z.enum(['image[]', 'image']).optional(),
  maskField: text.optional(),
  responseFormat: z.enum(['as asked', 'always', 'never']).optional(),
  forcePartialImages: z.boolean().optional(),
  /** `reply`: what the provider says that it charged is the cost; without a word of it, the prices are as ever. */
  costFrom: z.enum(['prices', 'reply']).optional(),
  allowPromptTags: z.boolean().optional(),
}

export type OptionName = keyof typeof optionRules
export type OptionValues = z.output<z.ZodObject<typeof optionRules>>
