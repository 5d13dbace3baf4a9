import { type ImageFailure, readResponse } from '../operations/kept-response.ts'
import { builder } from './builder.ts'
import { OperationError } from './operation-error.ts'

const ImageFailureType = builder.objectRef<ImageFailure>('ImageFailure').implement({
  description: 'One of several images that was not made.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place among the `n` images, from 0.' }),
    error: t.field({ type: OperationError, description: 'Why.', resolve: ({ failure }) => failure }),
  }),
})

export const ImagesResponse = builder.prismaObject('Operation', {
  variant: 'ImagesResponse',
  description: 'The result of an operation.',
  select: { id: true, response: true },
  fields: (t) => ({
    created: t.int({
      description: 'When the provider made it, in Unix seconds.',
      resolve: (parent) => readResponse(parent).created,
    }),
    data: t.relation('images', {
      description:
        'The images, in order: `n` of them, or fewer where `failures` says why, and none once `Operation.imagesDeletedAt` is set.',
      query: { where: { role: 'RESULT' }, orderBy: { position: 'asc' } },
    }),
    failures: t.field({
      type: [ImageFailureType],
      description: 'The images that were not made, where others were.',
      resolve: (parent) => readResponse(parent).failures,
    }),
    background: t.string({
      nullable: true,
      description: 'The background, as the provider says.',
      resolve: (parent) => readResponse(parent).background,
    }),
    outputFormat: t.string({
      nullable: true,
      description: 'The format, as the provider says; `Image.mimeType` is what the bytes are.',
      resolve: (parent) => readResponse(parent).outputFormat,
    }),
    quality: t.string({
      nullable: true,
      description: 'The quality, as the provider says.',
      resolve: (parent) => readResponse(parent).quality,
    }),
    size: t.string({
      nullable: true,
      description: 'The size, as the provider says; `Image.width` and `height` are what the bytes are.',
      resolve: (parent) => readResponse(parent).size,
    }),
    modelVersion: t.string({
      nullable: true,
      description: 'The version of the model, where the provider says it.',
      resolve: (parent) => readResponse(parent).modelVersion,
    }),
    usage: t.relation('usage', { nullable: true, description: 'The tokens and the money of the operation.' }),
  }),
})
