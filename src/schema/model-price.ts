import type { Pricing } from '../catalogue/pricing.ts'
import { builder } from './builder.ts'

type PriceRow = Pricing['prices'][number]
type PerImage = PriceRow['perImage'][number]

const PerImagePrice = builder.objectRef<PerImage>('PerImagePrice').implement({
  description: 'What one image costs.',
  fields: (t) => ({
    quality: t.string({
      nullable: true,
      description: 'For this quality; null for any.',
      resolve: ({ quality }) => quality ?? null,
    }),
    size: t.string({
      nullable: true,
      description: 'For this size; null for any.',
      resolve: ({ size }) => size ?? null,
    }),
    micros: t.exposeInt('micros', { description: 'Millionths of the currency.' }),
  }),
})

export const ModelPrice = builder.objectRef<PriceRow>('ModelPrice').implement({
  description: 'What a model costs from a day on. Rates are millionths of the currency per million tokens.',
  fields: (t) => ({
    from: t.exposeString('from', { description: 'The first day of this price, `YYYY-MM-DD` (UTC).' }),
    currency: t.exposeString('currency', { description: 'The ISO 4217 code.' }),
    textInput: t.exposeInt('textInput', { nullable: true, description: 'Per million tokens of the prompt.' }),
    imageInput: t.exposeInt('imageInput', {
      nullable: true,
      description: 'Per million tokens of input images.',
    }),
    cachedTextInput: t.int({
      nullable: true,
      description: 'Per million tokens of prompts that the provider had read before; null: like any other.',
      resolve: ({ cachedTextInput }) => cachedTextInput ?? null,
    }),
    cachedImageInput: t.int({
      nullable: true,
      description: 'Per million tokens of input images that it had read before; null: like any other.',
      resolve: ({ cachedImageInput }) => cachedImageInput ?? null,
    }),
    textOutput: t.exposeInt('textOutput', {
      nullable: true,
      description: 'Per million tokens of text made.',
    }),
    imageOutput: t.exposeInt('imageOutput', {
      nullable: true,
      description: 'Per million tokens of images made.',
    }),
    perImage: t.field({
      type: [PerImagePrice],
      description: 'Per image, for models that are not paid by the token.',
      resolve: ({ perImage }) => [...perImage],
    }),
    firstMegapixel: t.int({
      nullable: true,
      description:
        'The first megapixel (1024x1024) of an image, in millionths of the currency, for models paid by size.',
      resolve: ({ megapixels }) => megapixels?.first ?? null,
    }),
    furtherMegapixel: t.int({
      nullable: true,
      description: 'Each further one; those of input images count too.',
      resolve: ({ megapixels }) => megapixels?.further ?? null,
    }),
    source: t.exposeString('source', { description: 'Where the figures come from.' }),
  }),
})
