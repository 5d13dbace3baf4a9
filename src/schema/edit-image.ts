import { builder } from './builder.ts'
import { InputFidelity } from './enums.ts'
import { ImageSource, toNamedSources } from './image-source.ts'
import { inputFields } from './input-fields.ts'
import { Operation } from './operation.ts'
import { emptyInput, given, orDefault, submit } from './submit.ts'

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
    prompt: t.string({
      required: true,
      description: 'What to change. Its longest length depends on the model.',
    }),
    model: inputFields.model(t),
    background: inputFields.background(t),
    inputFidelity: t.field({ type: InputFidelity, description: 'For models that have it. LOW when absent.' }),
    n: inputFields.n(t),
    outputCompression: inputFields.outputCompression(t),
    outputFormat: inputFields.outputFormat(t),
    partialImages: inputFields.partialImages(t),
    quality: inputFields.quality(t),
    responseFormat: inputFields.responseFormat(t),
    size: inputFields.size(t),
    stream: t.boolean({
      defaultValue: false,
      description:
        'Answer at once with an operation that goes on, so that one can watch it. Otherwise the answer waits until it is done.',
    }),
    user: inputFields.user(t),
    requestId: inputFields.requestId(t),
  }),
})

builder.mutationField('editImage', (t) =>
  t.prismaField({
    type: Operation,
    description:
      'Edits or extends images by a prompt. Waits until it is done unless `stream` is true; the work goes on also if you leave.',
    args: { input: t.arg({ type: EditImageInput, required: true, description: 'What to edit, and how.' }) },
    resolve: async (query, _, { input }, context, info) => {
      const { image, mask, n, partialImages, stream, requestId, ...rest } = input
      const { id } = await submit(context, info, {
        kind: 'EDIT',
        sources: toNamedSources(image, mask),
        requestId,
        waits: !stream,
        input: {
          ...emptyInput,
          ...given(rest),
          n: orDefault(n, 1),
          partialImages: orDefault(partialImages, 0),
          stream: orDefault(stream, false),
        },
      })
      return context.prisma.operation.findUniqueOrThrow({ ...query, where: { id } })
    },
  }),
)
