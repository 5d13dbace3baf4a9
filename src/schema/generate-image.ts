import { builder } from './builder.ts'
import { inputFields } from './input-fields.ts'
import { Operation } from './operation.ts'
import { emptyInput, given, orDefault, submit } from './submit.ts'

const PromptMessageInput = builder.inputType('PromptMessageInput', {
  description: 'One part of a prompt.',
  fields: (t) => ({
    text: t.string({ required: true, description: 'What it says.' }),
    weight: t.float({ description: 'How much it counts. Yandex documents it as not supported yet.' }),
  }),
})

const AspectRatioInput = builder.inputType('AspectRatioInput', {
  description: 'The shape of an image: width to height, e.g. 2 to 1.',
  fields: (t) => ({
    widthRatio: t.field({ type: 'BigInt', required: true, description: 'The weight of the width, from 1.' }),
    heightRatio: t.field({
      type: 'BigInt',
      required: true,
      description: 'The weight of the height, from 1.',
    }),
  }),
})

const GenerateImageInput = builder.inputType('GenerateImageInput', {
  description: 'What to generate. Exactly one of `prompt` and `messages`.',
  fields: (t) => ({
    prompt: t.string({ description: 'What to show. Its longest length depends on the model.' }),
    messages: t.field({
      type: [PromptMessageInput],
      description: 'The prompt in parts, for models that take it so (yandex-art).',
    }),
    model: inputFields.model(t),
    seed: t.field({
      type: 'BigInt',
      description:
        'For models that have it: the same prompt with the same seed, 1 to 2^63-1, gives the same image.',
    }),
    aspectRatio: t.field({
      type: AspectRatioInput,
      description: 'For models that have no `size` (yandex-art).',
    }),
    mimeType: t.string({ description: 'For models that name their format so (yandex-art: `image/jpeg`).' }),
    size: inputFields.size(t),
    quality: inputFields.quality(t),
    background: inputFields.background(t),
    n: inputFields.n(t),
    outputFormat: inputFields.outputFormat(t),
    outputCompression: inputFields.outputCompression(t),
    partialImages: inputFields.partialImages(t),
    responseFormat: inputFields.responseFormat(t),
    user: inputFields.user(t),
    requestId: inputFields.requestId(t),
  }),
})

builder.mutationField('generateImage', (t) =>
  t.prismaField({
    type: Operation,
    description:
      'Makes images from a prompt. Answers at once with an operation that goes on: follow or poll it.',
    args: { input: t.arg({ type: GenerateImageInput, required: true, description: 'What to generate.' }) },
    resolve: async (query, _, { input }, context, info) => {
      const { seed, aspectRatio, messages, n, partialImages, requestId, ...rest } = input
      const { id } = await submit(context, info, {
        kind: 'GENERATE',
        sources: [],
        requestId,
        waits: false,
        input: {
          ...emptyInput,
          ...given(rest),
          messages: messages?.map(({ text, weight }) => ({ text, weight: weight ?? null })) ?? null,
          n: orDefault(n, 1),
          partialImages: orDefault(partialImages, 0),
          seed: seed?.toString() ?? null,
          aspectRatio: aspectRatio
            ? { widthRatio: `${aspectRatio.widthRatio}`, heightRatio: `${aspectRatio.heightRatio}` }
            : null,
        },
      })
      return context.prisma.operation.findUniqueOrThrow({ ...query, where: { id } })
    },
  }),
)
