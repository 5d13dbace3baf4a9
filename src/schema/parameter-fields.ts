import { z } from 'zod'
import { readValue, type ValueName } from '../catalogue/operation-input.ts'
import type { OperationKind } from '../catalogue/operation-kind.ts'
import { parameterList, type parameters } from '../catalogue/parameters.ts'
import type { Prisma } from '../database/generated/client.ts'
import type PrismaTypes from '../database/generated/pothos.ts'
import { AspectRatio, AspectRatioInput } from './aspect-ratio.ts'
import type { builder } from './builder.ts'
import {
  ImageBackground,
  ImageFormat,
  ImageQuality,
  InputFidelity,
  Moderation,
  ResponseFormat,
} from './enums.ts'
import { PromptMessage, PromptMessageInput } from './prompt-message.ts'

type Types = typeof builder.$inferSchemaTypes
/** Of the input of a mutation, */
type Asked = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>
/** and of the input that an operation shows. */
type Shown = Pick<
  PothosSchemaTypes.PrismaObjectFieldBuilder<Types, PrismaTypes['Operation'], { input: Prisma.JsonValue }>,
  'boolean' | 'field' | 'int' | 'string'
>

interface ParameterField {
  asked(t: Asked, kind: OperationKind): ReturnType<Asked['field']>
  shown(t: Shown): ReturnType<Shown['field']>
}

const endUser = z.string().min(1, 'A user is 1 to 256 characters.').max(256, 'A user is 1 to 256 characters.')

/** Each parameter as a field of the mutations' inputs and of the input that an operation shows. */
const fields = {
  prompt: {
    asked: (t, kind) =>
      t.string(
        kind === 'EDIT'
          ? { required: true, description: 'What to change. Its longest length depends on the model.' }
          : { description: 'What to show. Its longest length depends on the model.' },
      ),
    shown: (t) =>
      t.string({
        nullable: true,
        description: 'The prompt.',
        resolve: ({ input }) => readValue(input, 'prompt'),
      }),
  },
  messages: {
    asked: (t) =>
      t.field({
        type: [PromptMessageInput],
        description: 'The prompt in parts, for models that take it so (yandex-art).',
      }),
    shown: (t) =>
      t.field({
        type: [PromptMessage],
        nullable: true,
        description: 'The prompt in parts.',
        resolve: ({ input }) => readValue(input, 'messages'),
      }),
  },
  model: {
    asked: (t) =>
      t.string({
        description:
          "A model's name, or `provider/model` for that provider's. A bare name that several providers serve is tried in the order of the configuration. The gateway's default for this kind when absent.",
      }),
    shown: (t) =>
      t.string({
        nullable: true,
        description: 'The model asked for.',
        resolve: ({ input }) => readValue(input, 'model'),
      }),
  },
  n: {
    asked: (t) =>
      t.int({
        defaultValue: 1,
        description: 'How many images: from 1 to what the model allows, usually 10.',
      }),
    shown: (t) => t.int({ description: 'How many images.', resolve: ({ input }) => readValue(input, 'n') }),
  },
  size: {
    asked: (t) =>
      t.field({
        type: 'ImageSize',
        description: 'The size of the images. Which there are depends on the model.',
      }),
    shown: (t) =>
      t.field({
        type: 'ImageSize',
        nullable: true,
        description: 'The size asked for.',
        resolve: ({ input }) => readValue(input, 'size'),
      }),
  },
  quality: {
    asked: (t) => t.field({ type: ImageQuality, description: 'Which there are depends on the model.' }),
    shown: (t) =>
      t.field({
        type: ImageQuality,
        nullable: true,
        description: 'The quality asked for.',
        resolve: ({ input }) => readValue(input, 'quality'),
      }),
  },
  background: {
    asked: (t) =>
      t.field({
        type: ImageBackground,
        description: 'For models that have it. TRANSPARENT needs PNG or WEBP.',
      }),
    shown: (t) =>
      t.field({
        type: ImageBackground,
        nullable: true,
        description: 'The background asked for.',
        resolve: ({ input }) => readValue(input, 'background'),
      }),
  },
  inputFidelity: {
    asked: (t) => t.field({ type: InputFidelity, description: 'For models that have it. LOW when absent.' }),
    shown: (t) =>
      t.field({
        type: InputFidelity,
        nullable: true,
        description: 'The fidelity asked for.',
        resolve: ({ input }) => readValue(input, 'inputFidelity'),
      }),
  },
  outputFormat: {
    asked: (t) =>
      t.field({ type: ImageFormat, description: 'For models that let one choose. PNG when absent.' }),
    shown: (t) =>
      t.field({
        type: ImageFormat,
        nullable: true,
        description: 'The format asked for.',
        resolve: ({ input }) => readValue(input, 'outputFormat'),
      }),
  },
  outputCompression: {
    asked: (t) => t.int({ description: '0 to 100, for JPEG and WEBP. 100 when absent.' }),
    shown: (t) =>
      t.int({
        nullable: true,
        description: 'The compression asked for, 0 to 100.',
        resolve: ({ input }) => readValue(input, 'outputCompression'),
      }),
  },
  moderation: {
    asked: (t) =>
      t.field({
        type: Moderation,
        description: "For models that have it. When absent, the gateway's default for the model.",
      }),
    shown: (t) =>
      t.field({
        type: Moderation,
        nullable: true,
        description: 'The moderation asked for.',
        resolve: ({ input }) => readValue(input, 'moderation'),
      }),
  },
  responseFormat: {
    asked: (t) =>
      t.field({
        type: ResponseFormat,
        description: 'How the provider is to hand the images over, for models that let one choose.',
      }),
    shown: (t) =>
      t.field({
        type: ResponseFormat,
        nullable: true,
        description: 'The response format asked for.',
        resolve: ({ input }) => readValue(input, 'responseFormat'),
      }),
  },
  mimeType: {
    asked: (t) =>
      t.string({ description: 'For models that name their format so (yandex-art: `image/jpeg`).' }),
    shown: (t) =>
      t.string({
        nullable: true,
        description: 'The MIME type asked for.',
        resolve: ({ input }) => readValue(input, 'mimeType'),
      }),
  },
  partialImages: {
    asked: (t) =>
      t.int({
        defaultValue: 0,
        description:
          'How many earlier, blurry states of the image to show in `partialImages`, 0 to 3. Each costs 100 output tokens. The provider may send fewer.',
      }),
    shown: (t) =>
      t.int({
        description: 'How many partial images were asked for.',
        resolve: ({ input }) => readValue(input, 'partialImages'),
      }),
  },
  stream: {
    asked: (t, kind) =>
      t.boolean({
        defaultValue: false,
        description:
          kind === 'EDIT'
            ? 'Answer at once with an operation that goes on in the background, so that you can follow it. Otherwise the answer waits until it has ended.'
            : 'Answer at once with an operation that goes on in the background. Otherwise the answer waits until it has ended.',
      }),
    shown: (t) =>
      t.boolean({
        description: 'Whether the mutation answered at once.',
        resolve: ({ input }) => readValue(input, 'stream'),
      }),
  },
  seed: {
    asked: (t) =>
      t.field({
        type: 'BigInt',
        description:
          'For models that have it: the same prompt with the same seed, 1 to 2^63-1, gives the same image.',
      }),
    shown: (t) =>
      t.field({
        type: 'BigInt',
        nullable: true,
        description: 'The seed asked for.',
        resolve: ({ input }) => readValue(input, 'seed'),
      }),
  },
  aspectRatio: {
    asked: (t) =>
      t.field({ type: AspectRatioInput, description: 'For models that have it; not beside a `size`.' }),
    shown: (t) =>
      t.field({
        type: AspectRatio,
        nullable: true,
        description: 'The aspect ratio asked for.',
        resolve: ({ input }) => readValue(input, 'aspectRatio'),
      }),
  },
  user: {
    asked: (t) =>
      t.string({
        validate: endUser,
        description:
          'Your end user, 1 to 256 characters. Usage is reported by it. Providers get a pseudonym of it, never the value.',
      }),
    shown: (t) =>
      t.string({
        nullable: true,
        description: 'The end user.',
        resolve: ({ input }) => readValue(input, 'user'),
      }),
  },
} satisfies Record<ValueName, ParameterField>

/** The parameters that the mutation of a kind has. */
type NameFor<Kind extends OperationKind> = {
  [N in ValueName]: Kind extends (typeof parameters)[N]['kinds'][number] ? N : never
}[ValueName]

/** The fields of a mutation's input, but for its images. */
export function askedFields<Kind extends OperationKind>(t: Asked, kind: Kind) {
  const names = parameterList
    .filter(({ kinds, value }) => value && kinds.includes(kind))
    .map(({ name }) => name)
  const all: Record<string, ParameterField> = fields
  return Object.fromEntries(names.map((name) => [name, all[name]?.asked(t, kind)])) as {
    [N in NameFor<Kind>]: ReturnType<(typeof fields)[N]['asked']>
  }
}

/** What an operation shows of its input, but for its images. */
export function shownFields(t: Shown) {
  return Object.fromEntries(Object.entries(fields).map(([name, { shown }]) => [name, shown(t)]))
}
