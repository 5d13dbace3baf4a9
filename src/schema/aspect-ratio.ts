import { builder } from './builder.ts'

export const AspectRatioInput = builder.inputType('AspectRatioInput', {
  description: 'The shape of an image: width to height, e.g. 2 to 1.',
  fields: (t) => ({
    widthRatio: t.field({ type: 'BigInt', required: true, description: 'The weight of the width, from 1.' }),
    heightRatio: t.field({
      type: 'BigInt',
      required: true,
      description: 'The weight of the height, from 1.',
    }),
  }),
})

export const AspectRatio = builder
  .objectRef<{ widthRatio: bigint; heightRatio: bigint }>('AspectRatio')
  .implement({
    description: 'The shape of an image: width to height.',
    fields: (t) => ({
      widthRatio: t.expose('widthRatio', { type: 'BigInt', description: 'The weight of the width.' }),
      heightRatio: t.expose('heightRatio', { type: 'BigInt', description: 'The weight of the height.' }),
    }),
  })
