import { fillInput } from '../catalogue/operation-input.ts'
import { builder } from './builder.ts'
import { Operation } from './operation.ts'
import { askedFields } from './parameter-fields.ts'
import { paidWork } from './rate-points.ts'
import { requestIdField } from './request-id.ts'
import { submit } from './submit.ts'

const GenerateImageInput = builder.inputType('GenerateImageInput', {
  description: 'What to generate. Exactly one of `prompt` and `messages`.',
  fields: (t) => ({ ...askedFields(t, 'GENERATE'), requestId: requestIdField(t) }),
})

builder.mutationField('generateImage', (t) =>
  t.prismaField({
    type: Operation,
    extensions: paidWork,
    description:
      'Makes images from a prompt. Answers at once with an operation that goes on in the background: follow or poll it.',
    args: { input: t.arg({ type: GenerateImageInput, required: true, description: 'What to generate.' }) },
    resolve: async (query, _, { input: { requestId, ...asked } }, context, info) => {
      const input = fillInput(asked)
      const { id } = await submit(context, info, {
        kind: 'GENERATE',
        input,
        sources: [],
        requestId,
        waits: false,
      })
      return context.prisma.operation.findUniqueOrThrow({ ...query, where: { id } })
    },
  }),
)
