import { builder } from './builder.ts'
import { Money } from './money.ts'

interface TokenDetails {
  textTokens: number
  imageTokens: number
}

const InputTokensDetails = builder
  .objectRef<TokenDetails & { cachedTokens: number }>('InputTokensDetails')
  .implement({
    description: 'What the input tokens were spent on.',
    fields: (t) => ({
      textTokens: t.exposeInt('textTokens', { description: 'Tokens of the prompt.' }),
      imageTokens: t.exposeInt('imageTokens', { description: 'Tokens of the input images.' }),
      cachedTokens: t.exposeInt('cachedTokens', {
        description: 'Those of both that the provider had read before, which may cost less.',
      }),
    }),
  })

const OutputTokensDetails = builder.objectRef<TokenDetails>('OutputTokensDetails').implement({
  description: 'What the output tokens were spent on.',
  fields: (t) => ({
    textTokens: t.exposeInt('textTokens', { description: 'Tokens of text that the model wrote.' }),
    imageTokens: t.exposeInt('imageTokens', {
      description: 'Tokens of the images, partial images included (100 each).',
    }),
  }),
})

export const ImageUsage = builder.prismaObject('UsageRecord', {
  name: 'ImageUsage',
  description: 'The tokens and the money of one operation. It never changes after the operation has ended.',
  fields: (t) => ({
    inputTokens: t.int({
      description: 'Tokens of the prompt and the input images.',
      resolve: ({ inputTokens }) => Number(inputTokens),
    }),
    outputTokens: t.int({
      description: 'Tokens of the images made.',
      resolve: ({ outputTokens }) => Number(outputTokens),
    }),
    totalTokens: t.int({ description: 'All tokens.', resolve: ({ totalTokens }) => Number(totalTokens) }),
    inputTokensDetails: t.field({
      type: InputTokensDetails,
      nullable: true,
      description: 'The input tokens by what they were spent on.',
      resolve: (record) => ({
        textTokens: Number(record.inputTextTokens),
        imageTokens: Number(record.inputImageTokens),
        cachedTokens: Number(record.cachedInputTokens),
      }),
    }),
    outputTokensDetails: t.field({
      type: OutputTokensDetails,
      nullable: true,
      description: 'The output tokens by what they were spent on.',
      resolve: (record) => ({
        textTokens: Number(record.outputTextTokens),
        imageTokens: Number(record.outputImageTokens),
      }),
    }),
    estimated: t.exposeBoolean('estimated', {
      description:
        'Whether the provider left figures out and Easel filled them in from the published token tables.',
    }),
    cost: t.field({
      type: Money,
      nullable: true,
      description:
        'By the price of the day the operation was accepted, or as the provider billed it where that is taken. Null where neither is known.',
      resolve: ({ costMicros, currency }) =>
        costMicros === null ? null : { amountMicros: costMicros, currency },
    }),
  }),
})
