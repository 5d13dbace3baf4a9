import { z } from 'zod'
import type { Asked } from './parameter.ts'
import { refuseValue } from './parameter-refusal.ts'
import { type Dimensions, isSizeWord, parseSize } from './wire-size.ts'

const pixelSizes = z.array(z.string().refine((size) => parseSize(size) !== null, 'must be WIDTHxHEIGHT'))
export const sizeText = z
  .string()
  .refine(
    (size) => parseSize(size) !== null || isSizeWord(size),
    'must be WIDTHxHEIGHT, or a word such as 2K',
  )
const sizes = z.array(sizeText)
const pixels = z.int().min(1)

/** Which sizes a model renders. `auto` leaves the choice to the model and is accepted everywhere. */
export const sizeRule = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('list'), values: sizes.min(1) }),
  /** Any WIDTHxHEIGHT within bounds; `presets` are the ones to offer, and always valid. */
  z
    .strictObject({
      type: z.literal('range'),
      multipleOf: pixels,
      maxEdge: pixels,
      maxRatio: z.number().min(1),
      minPixels: pixels,
      maxPixels: pixels,
      presets: pixelSizes,
    })
    .refine(({ minPixels, maxPixels }) => minPixels <= maxPixels, 'minPixels must not exceed maxPixels')
    .refine(({ multipleOf, maxEdge }) => multipleOf <= maxEdge, 'multipleOf must not exceed maxEdge')
    .refine(
      ({ minPixels, maxEdge }) => minPixels <= maxEdge ** 2,
      'minPixels must not exceed the square of maxEdge',
    ),
  /** Only the ratio of the two numbers counts; `presets` are the ones to offer. */
  z.strictObject({ type: z.literal('ratio'), presets: pixelSizes }),
  /** Nothing is known of the model: anything that looks like a size, or like a word for one. */
  z.strictObject({ type: z.literal('any'), presets: sizes }),
])

export type SizeRule = z.infer<typeof sizeRule>
type RangeRule = Extract<SizeRule, { type: 'range' }>

/** `auto` fits every model: it leaves the choice to the upstream. */
export function checkSize(size: string, rule: SizeRule, { modelName }: Pick<Asked, 'modelName'>): void {
  if (size === 'auto') return
  const problem = findProblem(size, rule)
  if (problem === null) return
  throw refuseValue(
    `The size ${size.slice(0, 32)} ${problem}${rule.type === 'list' ? ` ${modelName}` : ''}.`,
    {
      field: 'input.size',
      reason: 'SIZE_NOT_SUPPORTED',
      allowed: describeSizes(rule),
      actual: size.slice(0, 32),
      hint: 'CHOOSE_SIZE',
    },
  )
}

function findProblem(size: string, rule: SizeRule): string | null {
  if (rule.type === 'list') return rule.values.includes(size) ? null : 'is not one of those of'
  const dimensions = parseSize(size)
  if (!dimensions) return rule.type === 'any' && isSizeWord(size) ? null : 'is not WIDTHxHEIGHT'
  if (rule.type !== 'range' || rule.presets.includes(size)) return null
  return findRangeProblem(dimensions, rule)
}

/** A word that the rule lets through, as an example. */
export function findSizeWord(rule: SizeRule): string | null {
  if (rule.type === 'any') return '2K'
  return (rule.type === 'list' && rule.values.find((size) => parseSize(size) === null)) || null
}

function findRangeProblem({ width, height }: Dimensions, rule: RangeRule): string | null {
  const { multipleOf, maxEdge, maxRatio, minPixels, maxPixels } = rule
  if (width % multipleOf !== 0 || height % multipleOf !== 0)
    return `has a side that is not a multiple of ${multipleOf}`
  if (Math.max(width, height) > maxEdge) return `has a side of more than ${maxEdge} pixels`
  if (Math.max(width, height) > maxRatio * Math.min(width, height)) return `is longer than ${maxRatio}:1`
  if (width * height < minPixels) return `has fewer than ${minPixels} pixels`
  return width * height > maxPixels ? `has more than ${maxPixels} pixels` : null
}

function describeSizes(rule: SizeRule): unknown {
  if (rule.type !== 'range') return offeredSizes(rule)
  const { multipleOf, maxEdge, maxRatio, minPixels, maxPixels } = rule
  return { values: offeredSizes(rule), multipleOf, maxEdge, maxRatio, minPixels, maxPixels }
}

/** `auto` first: every model takes it. */
export function offeredSizes(rule: SizeRule): string[] {
  return ['auto', ...(rule.type === 'list' ? rule.values : rule.presets)]
}
