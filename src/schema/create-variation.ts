import { builder } from './builder.ts'
import { ImageSource, toNamedSources } from './image-source.ts'
import { inputFields } from './input-fields.ts'
import { Operation } from './operation.ts'
import { emptyInput, given, orDefault, submit } from './submit.ts'

const CreateVariationInput = builder.inputType('CreateVariationInput', {
  description: 'What to vary.',
  fields: (t) => ({
    image: t.field({
      type: ImageSource,
      required: true,
      description: 'The image: for dall-e-2 a square PNG.',
    }),
    model: inputFields.model(t),
    n: inputFields.n(t),
    responseFormat: inputFields.responseFormat(t),
    size: inputFields.size(t),
    stream: t.boolean({
      defaultValue: false,
      description:
        'Answer at once with an operation that goes on. Otherwise the answer waits until it is done.',
    }),
    user: inputFields.user(t),
    requestId: inputFields.requestId(t),
  }),
})

builder.mutationField('createVariation', (t) =>
  t.prismaField({
    type: Operation,
    description:
      'Makes variations of an image. Waits until it is done unless `stream` is true; the work goes on also if you leave.',
    args: { input: t.arg({ type: CreateVariationInput, required: true, description: 'What to vary.' }) },
    resolve: async (query, _, { input }, context, info) => {
      const { image, n, stream, requestId, ...rest } = input
      const { id } = await submit(context, info, {
        kind: 'VARIATION',
        sources: toNamedSources([image]).map((source) => ({ ...source, path: 'image' })),
        requestId,
        waits: !stream,
        input: { ...emptyInput, ...given(rest), n: orDefault(n, 1), stream: orDefault(stream, false) },
      })
      return context.prisma.operation.findUniqueOrThrow({ ...query, where: { id } })
    },
  }),
)
