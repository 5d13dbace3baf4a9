import { z } from 'zod'
import { modelLimitOf } from '../accounts/accounts.ts'
import type { Estimate } from '../catalogue/estimate.ts'
import { fillInput } from '../catalogue/operation-input.ts'
import { Budget } from './budget.ts'
import { builder } from './builder.ts'
import { ImageQuality, InputFidelity, OperationKind } from './enums.ts'
import { Money } from './money.ts'

const dimension = z.number().int().min(1).max(65_535)

const ImageDimensionsInput = builder.inputType('ImageDimensionsInput', {
  description: 'The size of an input image.',
  fields: (t) => ({
    width: t.int({ required: true, validate: dimension, description: 'In pixels.' }),
    height: t.int({ required: true, validate: dimension, description: 'In pixels.' }),
  }),
})

const CostEstimateInput = builder.inputType('CostEstimateInput', {
  description: 'The request to estimate.',
  fields: (t) => ({
    kind: t.field({ type: OperationKind, required: true, description: 'The kind of operation.' }),
    model: t.string({ description: "As in the mutation; the gateway's default for the kind when absent." }),
    prompt: t.string({ description: 'The prompt: its tokens cost too.' }),
    n: t.int({ defaultValue: 1, description: 'How many images.' }),
    size: t.field({ type: 'ImageSize', description: 'The size.' }),
    quality: t.field({ type: ImageQuality, description: 'The quality.' }),
    inputFidelity: t.field({ type: InputFidelity, description: 'The fidelity of an edit.' }),
    partialImages: t.int({
      defaultValue: 0,
      description: 'How many partial images: each costs 100 output tokens.',
    }),
    inputImages: t.field({
      type: [ImageDimensionsInput],
      required: true,
      defaultValue: [],
      validate: z.array(z.unknown()).max(17),
      description: 'The sizes of the input images, a mask included.',
    }),
  }),
})

const EstimateCertainty = builder.enumType('EstimateCertainty', {
  description: 'How sure an estimate is.',
  values: {
    EXACT: { description: 'The operation will use exactly this.' },
    RANGE: { description: 'The operation will use between `min` and `max`.' },
    UNKNOWN: { description: 'Too little is known: the figures are a guess.' },
  } as const,
})

const TokenRange = builder.objectRef<Estimate['tokens']>('TokenRange').implement({
  description: 'The fewest and the most tokens that an operation can use.',
  fields: (t) => ({
    min: t.expose('min', { type: 'BigInt', description: 'The fewest.' }),
    max: t.expose('max', { type: 'BigInt', description: 'The most. This is what gets reserved.' }),
  }),
})

const MoneyRange = builder.objectRef<NonNullable<Estimate['cost']>>('MoneyRange').implement({
  description: 'The least and the most money that an operation can cost.',
  fields: (t) => ({
    min: t.field({
      type: Money,
      description: 'The least.',
      resolve: ({ min, currency }) => ({ amountMicros: min, currency }),
    }),
    max: t.field({
      type: Money,
      description: 'The most. This is what gets reserved.',
      resolve: ({ max, currency }) => ({ amountMicros: max, currency }),
    }),
  }),
})

const CostEstimate = builder.objectRef<Estimate>('CostEstimate').implement({
  description: 'An estimate of what an operation would use. Estimating costs nothing.',
  fields: (t) => ({
    certainty: t.expose('certainty', { type: EstimateCertainty, description: 'How sure it is.' }),
    tokens: t.field({ type: TokenRange, description: 'The tokens.', resolve: ({ tokens }) => tokens }),
    cost: t.field({
      type: MoneyRange,
      nullable: true,
      description: 'The money; null where no price is known.',
      resolve: ({ cost }) => cost,
    }),
    reasons: t.exposeStringList('reasons', {
      description: 'Why it is not exact, e.g. `SIZE_IS_AUTO`, `NO_PRICE`.',
    }),
    budgets: t.field({
      type: [Budget],
      description: 'Your budgets as they are now, before this.',
      resolve: (_, __, { loaders, viewer }) => loaders.budgets.load(viewer.userId),
    }),
  }),
})

builder.queryField('estimateCost', (t) =>
  t.field({
    type: CostEstimate,
    description:
      'Estimates what an operation would use, with the same figures as its reservation, and shows what your budgets have left. Checks the parameters as the mutation does.',
    args: {
      input: t.arg({ type: CostEstimateInput, required: true, description: 'The request to estimate.' }),
    },
    resolve: (_, { input: { kind, inputImages, ...asked } }, { operations, viewer }) =>
      operations.estimate({
        kind,
        input: fillInput(asked),
        images: inputImages ?? [],
        allowedModels: modelLimitOf(viewer),
      }),
  }),
)
