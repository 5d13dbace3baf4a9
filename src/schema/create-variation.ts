import { fillInput } from '../catalogue/operation-input.ts'
import { builder } from './builder.ts'
import { ImageSource, toNamedSources } from './image-source.ts'
import { Operation } from './operation.ts'
import { askedFields } from './parameter-fields.ts'
import { paidWork } from './rate-points.ts'
import { requestIdField } from './request-id.ts'
import { submit } from './submit.ts'

const CreateVariationInput = builder.inputType('CreateVariationInput', {
  description: 'What to vary.',
  fields: (t) => ({
    image: t.field({
      type: ImageSource,
      required: true,
      description: 'The image: for dall-e-2 a square PNG.',
    }),
    ...askedFields(t, 'VARIATION'),
    requestId: requestIdField(t),
  }),
})

builder.mutationField('createVariation', (t) =>
  t.prismaField({
    type: Operation,
    extensions: paidWork,
    description:
      'Makes variations of an image. Waits until the operation has ended unless `stream` is true. The operation goes on if you disconnect.',
    args: { input: t.arg({ type: CreateVariationInput, required: true, description: 'What to vary.' }) },
    resolve: async (query, _, { input: { image, requestId, ...asked } }, context, info) => {
      const input = fillInput(asked)
      const { id } = await submit(context, info, {
        kind: 'VARIATION',
        input,
        sources: toNamedSources([image]).map((source) => ({ ...source, path: 'image' })),
        requestId,
        waits: !input.stream,
      })
      return context.prisma.operation.findUniqueOrThrow({ ...query, where: { id } })
    },
  }),
)
