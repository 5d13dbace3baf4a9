import { z } from 'zod'
import type { builder } from './builder.ts'
import { ImageBackground, ImageFormat, ImageQuality, ResponseFormat } from './enums.ts'

/** IETF draft Idempotency-Key and Stripe agree on 255 characters; printable ASCII also fits a header. */
export const requestIdRule = z
  .string()
  .regex(
    /^[\x21-\x7e]{1,255}$/,
    'A requestId is 1 to 255 printable ASCII characters without spaces, e.g. a UUID.',
  )

const endUser = z.string().min(1, 'A user is 1 to 256 characters.').max(256, 'A user is 1 to 256 characters.')

type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<typeof builder.$inferSchemaTypes, 'InputObject'>

/** The fields that the three mutations share, each with one description. */
export const inputFields = {
  model: (t: InputFieldBuilder) =>
    t.string({
      description:
        "A model's name, or `provider/model` for that provider's. A bare name that several providers serve is tried in the order of the configuration. The gateway's default for this kind when absent.",
    }),
  n: (t: InputFieldBuilder) =>
    t.int({ defaultValue: 1, description: 'How many images: from 1 to what the model allows, usually 10.' }),
  size: (t: InputFieldBuilder) =>
    t.field({
      type: 'ImageSize',
      description: 'The size of the images. Which there are depends on the model.',
    }),
  quality: (t: InputFieldBuilder) =>
    t.field({ type: ImageQuality, description: 'Which there are depends on the model.' }),
  background: (t: InputFieldBuilder) =>
    t.field({
      type: ImageBackground,
      description: 'For models that have it. TRANSPARENT needs PNG or WEBP.',
    }),
  outputFormat: (t: InputFieldBuilder) =>
    t.field({ type: ImageFormat, description: 'For models that let one choose. PNG when absent.' }),
  outputCompression: (t: InputFieldBuilder) =>
    t.int({ description: '0 to 100, for JPEG and WEBP. 100 when absent.' }),
  responseFormat: (t: InputFieldBuilder) =>
    t.field({
      type: ResponseFormat,
      description: 'How the provider is to hand the images over, for models that let one choose.',
    }),
  partialImages: (t: InputFieldBuilder) =>
    t.int({
      defaultValue: 0,
      description:
        'How many earlier, blurry states of the image to show in `partialImages`, 0 to 3. Each costs 100 output tokens. There may come fewer.',
    }),
  user: (t: InputFieldBuilder) =>
    t.string({
      validate: endUser,
      description:
        'Your end user, 1 to 256 characters. Usage is reported by it; upstream goes a pseudonym of it, never the value.',
    }),
  requestId: (t: InputFieldBuilder) =>
    t.id({
      validate: requestIdRule,
      description:
        'Makes this request safe to repeat: the same id with the same content gives the same operation, with other content the error IDEMPOTENCY_KEY_REUSED. 1 to 255 printable ASCII characters, e.g. a UUID. The header Idempotency-Key does the same.',
    }),
}
