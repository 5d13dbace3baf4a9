import { fillInput } from '../catalogue/operation-input.ts'
import { builder } from './builder.ts'
import { ImageSource, toNamedSources } from './image-source.ts'
import { Operation } from './operation.ts'
import { askedFields } from './parameter-fields.ts'
import { paidWork } from './rate-points.ts'
import { requestIdField } from './request-id.ts'
import { submit } from './submit.ts'

const EditImageInput = builder.inputType('EditImageInput', {
  description: 'What to edit, and how.',
  fields: (t) => ({
    image: t.field({
      type: [ImageSource],
      required: true,
      description:
        'The images to edit, 1 to 16 depending on the model. A single image needs no list around it.',
    }),
    mask: t.field({
      type: ImageSource,
      description:
        'A PNG of the size of the first image. Its fully transparent pixels mark where to edit. Some of its pixels must be fully transparent, but not all.',
    }),
    ...askedFields(t, 'EDIT'),
    requestId: requestIdField(t),
  }),
})

builder.mutationField('editImage', (t) =>
  t.prismaField({
    type: Operation,
    extensions: paidWork,
    description:
      'Edits or extends images by a prompt. Waits until the operation has ended unless `stream` is true. The operation goes on if you disconnect.',
    args: { input: t.arg({ type: EditImageInput, required: true, description: 'What to edit, and how.' }) },
    resolve: async (query, _, { input: { image, mask, requestId, ...asked } }, context, info) => {
      const input = fillInput(asked)
      const { id } = await submit(context, info, {
        kind: 'EDIT',
        input,
        sources: toNamedSources(image, mask),
        requestId,
        waits: !input.stream,
      })
      return context.prisma.operation.findUniqueOrThrow({ ...query, where: { id } })
    },
  }),
)
