import { fillInput } from '../catalogue/operation-input.ts'
import { builder } from './builder.ts'
import { ImageSource, toNamedSources } from './image-source.ts'
import { Operation } from './operation.ts'
import { askedFields } from './parameter-fields.ts'
import { requestIdField } from './request-id.ts'
import { submit } from './submit.ts'

const EditImageInput = builder.inputType('EditImageInput', {
  description: 'What to edit, and how.',
  fields: (t) => ({
    image: t.field({
      type: [ImageSource],
      required: true,
      description:
        'The images to edit, 1 to 16 depending on the model. A single one may stand without a list.',
    }),
    mask: t.field({
      type: ImageSource,
      description:
        'A PNG of the size of the first image. Its fully transparent pixels say where to edit; there must be some, and others too.',
    }),
    ...askedFields(t, 'EDIT'),
    requestId: requestIdField(t),
  }),
})

builder.mutationField('editImage', (t) =>
  t.prismaField({
    type: Operation,
    description:
      'Edits or extends images by a prompt. Waits until it is done unless `stream` is true; the work goes on also if you leave.',
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
