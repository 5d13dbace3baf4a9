import { z } from 'zod'
import {
  backgrounds,
  fidelities,
  formats,
  lossyFormats,
  moderations,
  qualities,
  responseFormats,
} from './choices.ts'
import { checkRange } from './number-rules.ts'
import { operationKinds } from './operation-kind.ts'
import { type AnyParameter, ruled, sources, unruled } from './parameter.ts'
import { refuseValue } from './parameter-refusal.ts'
import { checkMessages, checkPrompt, messagesRule, promptRule } from './prompt-rules.ts'
import { checkSize, offeredSizes, sizeRule } from './size-rule.ts'
import { imageRule, maskRule } from './source-rules.ts'

const text = z.string().nullable()
const positive = z.int().min(1)
const bigNumber = z.coerce.bigint()
const isOrdered = ({ min, max }: { min: number | bigint; max: number | bigint }) => min <= max
const outOfOrder = 'min must not exceed max'

/** A value that is one of a list; `values` are all that there are, the rule of a model has those that it takes. */
function choice<const Value extends string>(values: readonly Value[]) {
  const rule: z.ZodType<string[]> = z.array(z.enum(values)).min(1)
  return { ...freeChoice, value: z.enum(values).nullable(), rule }
}

const mimeType = z.string().regex(/^image\/[\w.+-]+$/, 'must be a MIME type such as image/png')

const freeChoice = {
  value: text,
  default: null,
  rule: z.array(mimeType).min(1) as z.ZodType<string[]>,
  form: (values: string[]) => ({
    type: 'ENUM' as const,
    values,
    default: values.includes('AUTO') ? 'AUTO' : null,
  }),
  check: (value: string, allowed: string[], { name, modelName }: { name: string; modelName: string }) => {
    if (allowed.includes(value)) return
    throw refuseValue(`${name} must be one of ${allowed.join(', ')} for ${modelName}.`, {
      field: `input.${name}`,
      reason: 'VALUE_NOT_SUPPORTED',
      allowed,
      actual: value.slice(0, 64),
    })
  },
}

const moderation = choice(moderations)

/** The default goes out where a request says nothing. Null: nothing does, and the provider has its own. */
const moderationRule = z
  .strictObject({ values: moderation.rule, default: z.string().nullable().default(null) })
  .refine(({ values, default: usual }) => usual === null || values.includes(usual), {
    path: ['default'],
    error: 'must be one of values',
  })

/**
 * Each parameter of the mutations, by the name of its input field and in the order of forms. The kept input, the forms,
 * the judge, the GraphQL types and the capabilities of models all follow from it.
 */
export const parameters = {
  image: sources({
    kinds: ['EDIT', 'VARIATION'],
    capability: 'images',
    rule: imageRule,
    form: ({ minCount, maxCount, mimeTypes }) => ({
      type: maxCount > 1 ? 'IMAGES' : 'IMAGE',
      required: true,
      values: mimeTypes,
      min: String(minCount),
      max: String(maxCount),
    }),
  }),
  mask: sources({
    kinds: ['EDIT'],
    capability: 'mask',
    rule: maskRule,
    form: ({ mimeTypes }) => ({ type: 'IMAGE', values: mimeTypes }),
  }),
  prompt: ruled({
    kinds: ['GENERATE', 'EDIT'],
    value: text,
    default: null,
    capability: 'prompt',
    rule: promptRule,
    form: ({ maxLength }, { kind, has }) => ({
      type: 'STRING',
      required: kind === 'EDIT' || !has('messages'),
      min: '1',
      max: String(maxLength),
    }),
    check: (prompt, rule) => checkPrompt(prompt, rule, 'input.prompt'),
  }),
  messages: ruled({
    kinds: ['GENERATE'],
    value: z.array(z.object({ text: z.string(), weight: z.number().nullable().default(null) })).nullable(),
    default: null,
    capability: 'messages',
    rule: messagesRule,
    form: ({ maxCount }) => ({ type: 'MESSAGES', min: '1', max: String(maxCount) }),
    check: checkMessages,
  }),
  model: unruled({ kinds: operationKinds, value: text, default: null }),
  n: ruled({
    kinds: operationKinds,
    value: z.int(),
    default: 1,
    capability: 'n',
    rule: z.strictObject({ max: positive }),
    form: ({ max }) => ({ type: 'INTEGER', min: '1', max: String(max), default: '1' }),
    check: (n, { max }, asked) => checkRange(n, { min: 1, max }, asked),
  }),
  size: ruled({
    kinds: operationKinds,
    value: text,
    default: null,
    capability: 'size',
    rule: sizeRule,
    form: (rule) => ({ type: 'SIZE', values: offeredSizes(rule), default: 'auto' }),
    check: checkSize,
  }),
  quality: ruled({ kinds: ['GENERATE', 'EDIT'], capability: 'quality', ...choice(qualities) }),
  background: ruled({ kinds: ['GENERATE', 'EDIT'], capability: 'background', ...choice(backgrounds) }),
  inputFidelity: ruled({ kinds: ['EDIT'], capability: 'inputFidelity', ...choice(fidelities) }),
  outputFormat: ruled({ kinds: ['GENERATE', 'EDIT'], capability: 'outputFormat', ...choice(formats) }),
  outputCompression: ruled({
    kinds: ['GENERATE', 'EDIT'],
    value: z.int().nullable(),
    default: null,
    capability: 'outputCompression',
    rule: z.strictObject({ min: z.int(), max: z.int() }).refine(isOrdered, outOfOrder),
    form: ({ min, max }) => ({
      type: 'INTEGER',
      min: String(min),
      max: String(max),
      default: '100',
      dependsOn: { parameter: 'outputFormat', values: lossyFormats },
    }),
    check: checkRange,
  }),
  moderation: ruled({
    kinds: ['GENERATE', 'EDIT'],
    value: moderation.value,
    default: null,
    capability: 'moderation',
    rule: moderationRule,
    form: ({ values, default: usual }) => ({
      type: 'ENUM',
      values,
      default: usual ?? (values.includes('AUTO') ? 'AUTO' : null),
    }),
    check: (value, { values }, asked) => moderation.check(value, values, asked),
  }),
  responseFormat: ruled({ kinds: operationKinds, capability: 'responseFormat', ...choice(responseFormats) }),
  mimeType: ruled({ kinds: ['GENERATE'], capability: 'mimeType', ...freeChoice }),
  partialImages: ruled({
    kinds: ['GENERATE', 'EDIT'],
    value: z.int(),
    default: 0,
    capability: 'streaming',
    rule: z.strictObject({ maxPartialImages: positive }),
    form: ({ maxPartialImages }) => ({
      type: 'INTEGER',
      min: '0',
      max: String(maxPartialImages),
      default: '0',
    }),
    check: (count, { maxPartialImages }, asked) =>
      checkRange(count, { min: 0, max: maxPartialImages }, asked),
  }),
  stream: ruled({
    kinds: ['EDIT', 'VARIATION'],
    // No upstream streams variations: for them `stream` says only whether the mutation waits.
    freeFor: 'VARIATION',
    value: z.boolean(),
    default: false,
    capability: 'streaming',
    rule: z.strictObject({ maxPartialImages: positive }),
  }),
  seed: ruled({
    kinds: ['GENERATE'],
    value: bigNumber.nullable(),
    default: null,
    capability: 'seed',
    rule: z.strictObject({ min: bigNumber, max: bigNumber }).refine(isOrdered, outOfOrder),
    form: ({ min, max }) => ({ type: 'BIG_INTEGER', min: String(min), max: String(max) }),
    check: checkRange,
  }),
  aspectRatio: ruled({
    kinds: ['GENERATE'],
    value: z.object({ widthRatio: bigNumber, heightRatio: bigNumber }).nullable(),
    default: null,
    capability: 'aspectRatio',
    rule: z.strictObject({ max: bigNumber.min(1n) }),
    form: ({ max }) => ({ type: 'ASPECT_RATIO', min: '1', max: String(max) }),
    check: ({ widthRatio, heightRatio }, { max }) => {
      checkRange(widthRatio, { min: 1n, max }, { name: 'aspectRatio.widthRatio' })
      checkRange(heightRatio, { min: 1n, max }, { name: 'aspectRatio.heightRatio' })
    },
  }),
  user: unruled({ kinds: operationKinds, value: text, default: null }),
}

type Parameters = typeof parameters
export type ParameterName = keyof Parameters

/** All parameters with their names, as a list. */
export const parameterList: readonly (AnyParameter & { name: ParameterName })[] = Object.entries(
  parameters,
).map(([name, parameter]) => ({ ...parameter, name: name as ParameterName }))
