import type { OperationInput as Input } from '../operations/operation-input.ts'
import { builder } from './builder.ts'
import { ImageBackground, ImageFormat, ImageQuality, InputFidelity, ResponseFormat } from './enums.ts'
import { Image } from './image.ts'

const PromptMessage = builder.objectRef<{ text: string; weight: number | null }>('PromptMessage').implement({
  description: 'One part of a prompt.',
  fields: (t) => ({
    text: t.exposeString('text', { description: 'What it says.' }),
    weight: t.exposeFloat('weight', { nullable: true, description: 'How much it counts.' }),
  }),
})

const AspectRatio = builder.objectRef<{ widthRatio: string; heightRatio: string }>('AspectRatio').implement({
  description: 'The shape of an image: width to height.',
  fields: (t) => ({
    widthRatio: t.field({
      type: 'BigInt',
      description: 'The weight of the width.',
      resolve: ({ widthRatio }) => BigInt(widthRatio),
    }),
    heightRatio: t.field({
      type: 'BigInt',
      description: 'The weight of the height.',
      resolve: ({ heightRatio }) => BigInt(heightRatio),
    }),
  }),
})

/** The kept input is JSON that only Easel writes, in exactly this shape. */
const read = ({ input }: { input: unknown }) => input as Input

export const OperationInput = builder.prismaObject('Operation', {
  variant: 'OperationInput',
  description: 'What was asked, with the defaults filled in. Null means: not given.',
  select: { id: true, input: true },
  fields: (t) => ({
    prompt: t.string({
      nullable: true,
      description: 'The prompt.',
      resolve: (parent) => read(parent).prompt,
    }),
    messages: t.field({
      type: [PromptMessage],
      nullable: true,
      description: 'The prompt in parts.',
      resolve: (parent) => read(parent).messages,
    }),
    model: t.string({
      nullable: true,
      description: 'The model asked for.',
      resolve: (parent) => read(parent).model,
    }),
    n: t.int({ description: 'How many images.', resolve: (parent) => read(parent).n }),
    size: t.field({
      type: 'ImageSize',
      nullable: true,
      description: 'The size asked for.',
      resolve: (parent) => read(parent).size,
    }),
    quality: t.field({
      type: ImageQuality,
      nullable: true,
      description: 'The quality asked for.',
      resolve: (parent) => read(parent).quality as never,
    }),
    background: t.field({
      type: ImageBackground,
      nullable: true,
      description: 'The background asked for.',
      resolve: (parent) => read(parent).background as never,
    }),
    inputFidelity: t.field({
      type: InputFidelity,
      nullable: true,
      description: 'The fidelity asked for.',
      resolve: (parent) => read(parent).inputFidelity as never,
    }),
    outputFormat: t.field({
      type: ImageFormat,
      nullable: true,
      description: 'The format asked for.',
      resolve: (parent) => read(parent).outputFormat as never,
    }),
    outputCompression: t.int({
      nullable: true,
      description: 'The compression asked for, 0 to 100.',
      resolve: (parent) => read(parent).outputCompression,
    }),
    responseFormat: t.field({
      type: ResponseFormat,
      nullable: true,
      description: 'The response format asked for.',
      resolve: (parent) => read(parent).responseFormat as never,
    }),
    partialImages: t.int({
      description: 'How many partial images were asked for.',
      resolve: (parent) => read(parent).partialImages,
    }),
    stream: t.boolean({
      description: 'Whether the mutation was to return at once.',
      resolve: (parent) => read(parent).stream,
    }),
    seed: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'The seed asked for.',
      resolve: (parent) => {
        const { seed } = read(parent)
        return seed === null ? null : BigInt(seed)
      },
    }),
    aspectRatio: t.field({
      type: AspectRatio,
      nullable: true,
      description: 'The aspect ratio asked for.',
      resolve: (parent) => read(parent).aspectRatio,
    }),
    mimeType: t.string({
      nullable: true,
      description: 'The MIME type asked for.',
      resolve: (parent) => read(parent).mimeType,
    }),
    user: t.string({ nullable: true, description: 'The end user.', resolve: (parent) => read(parent).user }),
    requestId: t.exposeString('requestId', { nullable: true, description: 'The idempotency key.' }),
    images: t.field({
      type: [Image],
      description: 'The source images, in order. One that is no longer kept is left out.',
      select: { sources: true },
      resolve: async ({ sources }, _, { loaders }) => {
        const ids = sources.filter(({ role }) => role === 'INPUT').sort((a, b) => a.position - b.position)
        const images = await Promise.all(ids.map(({ imageId }) => loaders.image.load(imageId)))
        return images.filter((image) => image !== null)
      },
    }),
    mask: t.field({
      type: Image,
      nullable: true,
      description: 'The mask.',
      select: { sources: true },
      resolve: ({ sources }, _, { loaders }) => {
        const mask = sources.find(({ role }) => role === 'MASK')
        return mask ? loaders.image.load(mask.imageId) : null
      },
    }),
  }),
})
