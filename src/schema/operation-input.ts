import { builder } from './builder.ts'
import { Image } from './image.ts'
import { shownFields } from './parameter-fields.ts'

export const OperationInput = builder.prismaObject('Operation', {
  variant: 'OperationInput',
  description:
    'The input of the mutation, with the defaults filled in. Null means that a parameter was not given.',
  select: { id: true, input: true },
  fields: (t) => ({
    ...shownFields(t),
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
