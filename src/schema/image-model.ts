import { modelLimitOf } from '../accounts/accounts.ts'
import type { ImageModel as Model } from '../catalogue/image-model.ts'
import { isAllowed } from '../catalogue/model-registry.ts'
import type { ModelParameter } from '../catalogue/parameter.ts'
import { isRetired, type ModelRetirement } from '../catalogue/retirement.ts'
import { builder } from './builder.ts'
import { OperationKind } from './enums.ts'
import { ModelPrice } from './model-price.ts'

const ParameterType = builder.enumType('ParameterType', {
  description: 'Which input a parameter needs.',
  values: {
    STRING: { description: 'A text; `max` is its longest length in code points.' },
    MESSAGES: { description: 'A prompt in parts; `max` is how many.' },
    IMAGE: { description: 'One image; `values` are the MIME types.' },
    IMAGES: { description: 'Several images; `values` are the MIME types, `min` and `max` how many.' },
    INTEGER: { description: 'A whole number from `min` to `max`.' },
    BIG_INTEGER: { description: 'A whole number of 64 bits from `min` to `max`, sent as a string.' },
    ENUM: { description: 'One of `values`.' },
    SIZE: { description: 'An ImageSize; `values` are those to offer.' },
    ASPECT_RATIO: { description: 'Two whole numbers, width to height.' },
    BOOLEAN: { description: 'Yes or no.' },
  } as const,
})

const ParameterDependency = builder
  .objectRef<{ parameter: string; values: string[] }>('ParameterDependency')
  .implement({
    description: 'The condition under which a parameter has an effect.',
    fields: (t) => ({
      parameter: t.exposeString('parameter', { description: 'The other parameter.' }),
      values: t.exposeStringList('values', { description: 'The values it must have.' }),
    }),
  })

const ModelParameterType = builder.objectRef<ModelParameter>('ModelParameter').implement({
  description: "One field of a model's form. The same data validates the mutations.",
  fields: (t) => ({
    name: t.exposeString('name', { description: "The name of the mutation's input field." }),
    type: t.expose('type', { type: ParameterType, description: 'Which input it needs.' }),
    required: t.exposeBoolean('required', { description: 'Whether it must be given.' }),
    values: t.exposeStringList('values', { description: 'The choices; for a free value, suggestions.' }),
    min: t.exposeString('min', {
      nullable: true,
      description: 'The least, as a string: int64 bounds do not fit an Int.',
    }),
    max: t.exposeString('max', { nullable: true, description: 'The most, as a string.' }),
    default: t.exposeString('default', { nullable: true, description: 'The value when it is not given.' }),
    dependsOn: t.expose('dependsOn', {
      type: ParameterDependency,
      nullable: true,
      description:
        'The parameter has an effect only while another one has one of these values. Null: always.',
    }),
  }),
})

interface KindForm {
  kind: Model['kinds'][number]
  model: Model
}

const SizeRange = builder
  .objectRef<{ multipleOf: number; maxEdge: number; maxRatio: number; minPixels: number; maxPixels: number }>(
    'SizeRange',
  )
  .implement({
    description: 'The rule for models that render any size within bounds.',
    fields: (t) => ({
      multipleOf: t.exposeInt('multipleOf', { description: 'Both edges are multiples of this.' }),
      maxEdge: t.exposeInt('maxEdge', { description: 'The longest edge in pixels.' }),
      maxRatio: t.exposeFloat('maxRatio', {
        description: 'The longer edge is at most this many times the shorter one.',
      }),
      minPixels: t.exposeInt('minPixels', { description: 'The least number of pixels.' }),
      maxPixels: t.exposeInt('maxPixels', { description: 'The greatest number of pixels.' }),
    }),
  })

const ModelOperation = builder.objectRef<KindForm>('ModelOperation').implement({
  description: 'One kind of operation that a model can do.',
  fields: (t) => ({
    kind: t.expose('kind', { type: OperationKind, description: 'The kind.' }),
    parameters: t.field({
      type: [ModelParameterType],
      description: 'The fields of its form, in the order to show them.',
      resolve: ({ kind, model }) => model.parameters[kind] ?? [],
    }),
    streaming: t.boolean({
      description: 'Whether it can send partial images.',
      resolve: ({ kind, model }) => model.capabilities[kind]?.streaming != null,
    }),
    throughEdits: t.boolean({
      description:
        "Whether it is carried out as an edit with a prompt of Easel's own: variations of models without any.",
      resolve: ({ kind, model }) => kind === 'VARIATION' && model.variationsThroughEdits,
    }),
    maxImageBytes: t.int({
      nullable: true,
      description: 'An input image must be smaller than this many bytes.',
      resolve: ({ kind, model }) => model.capabilities[kind]?.images?.maxBytes ?? null,
    }),
    maxMaskBytes: t.int({
      nullable: true,
      description: 'A mask must be smaller than this many bytes.',
      resolve: ({ kind, model }) => model.capabilities[kind]?.mask?.maxBytes ?? null,
    }),
    squareImages: t.boolean({
      description: 'Whether input images must be square.',
      resolve: ({ kind, model }) => model.capabilities[kind]?.images?.square ?? false,
    }),
    sizeRange: t.field({
      type: SizeRange,
      nullable: true,
      description: 'For models that render any size within bounds.',
      resolve: ({ kind, model }) => {
        const size = model.capabilities[kind]?.size
        return size?.type === 'range' ? size : null
      },
    }),
  }),
})

const UnsupportedOperation = builder
  .objectRef<{ kind: KindForm['kind']; reason: string }>('UnsupportedOperation')
  .implement({
    description: 'A kind of operation that a model cannot do.',
    fields: (t) => ({
      kind: t.expose('kind', { type: OperationKind, description: 'The kind.' }),
      reason: t.exposeString('reason', { description: 'Why, and how to turn it on where that is possible.' }),
    }),
  })

const ModelRetirementType = builder.objectRef<ModelRetirement>('ModelRetirement').implement({
  description: 'When a provider stops offering a model.',
  fields: (t) => ({
    date: t.exposeString('date', { description: 'The first day without it, `YYYY-MM-DD`.' }),
    replacement: t.exposeString('replacement', {
      nullable: true,
      description: 'The model to use instead.',
    }),
    enforced: t.exposeBoolean('enforced', {
      description:
        'Whether the model is refused from that day on: the provider itself told it, and is called at its own address. Otherwise the date is a warning.',
    }),
    retired: t.boolean({
      description: 'Whether the model is refused: that day has come, and it is enforced.',
      resolve: (retirement, _, { now }) => isRetired({ retirement }, now()),
    }),
    source: t.exposeString('source', { description: 'Where the date comes from.' }),
  }),
})

export const ImageModel = builder.objectRef<Model>('ImageModel').implement({
  description: 'A model at a provider: what it can do and what it accepts, enough to build a form from.',
  fields: (t) => ({
    id: t.exposeID('id', { description: '`provider/name`. Give it as `model` to choose exactly this one.' }),
    provider: t.exposeString('provider', { description: "The provider's name in the configuration." }),
    name: t.exposeString('name', { description: 'The name to give as `model`.' }),
    description: t.exposeString('description', { description: 'A sentence about it.' }),
    sandbox: t.exposeBoolean('sandbox', {
      description: "Whether its images are drawn by Easel's sandbox instead of a model.",
    }),
    operations: t.field({
      type: [ModelOperation],
      description: 'What it can do.',
      resolve: (model) => model.kinds.map((kind) => ({ kind, model })),
    }),
    unsupported: t.field({
      type: [UnsupportedOperation],
      description: 'What it cannot do, and why.',
      resolve: ({ unsupported }) =>
        Object.entries(unsupported).map(([kind, reason]) => ({ kind: kind as KindForm['kind'], reason })),
    }),
    retirement: t.expose('retirement', {
      type: ModelRetirementType,
      nullable: true,
      description: 'When the provider retires it. Null where no date is known.',
    }),
    prices: t.field({
      type: [ModelPrice],
      description: 'Its price lists, each from a day on. Empty where no price is known.',
      resolve: ({ pricing }) => pricing.prices,
    }),
  }),
})

builder.queryFields((t) => ({
  models: t.field({
    type: [ImageModel],
    description: 'Every model of every provider that the key may use, in the order of the configuration.',
    resolve: (_, __, { providers, viewer }) =>
      providers.models().filter((model) => isAllowed(model, modelLimitOf(viewer))),
  }),
  model: t.field({
    type: ImageModel,
    nullable: true,
    description: 'One model. Null when there is no such model, or the key may not use it.',
    args: { id: t.arg.id({ required: true, description: '`provider/name`.' }) },
    resolve: (_, { id }, { providers, viewer }) => {
      const model = providers.find(id)
      return model && isAllowed(model, modelLimitOf(viewer)) ? model : null
    },
  }),
}))
