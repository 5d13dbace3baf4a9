import type { SizeRule } from './image-model.ts'
import { offeredSizes } from './model-parameters.ts'
import { refuseValue } from './parameter-refusal.ts'
import { type Dimensions, parseSize } from './wire-size.ts'

/** `auto` fits every model: it leaves the choice to the upstream. */
export function checkSize(size: string, rule: SizeRule, modelName: string): void {
  if (size === 'auto') return
  const dimensions = parseSize(size)
  const problem = dimensions ? findProblem(size, dimensions, rule) : 'is not WIDTHxHEIGHT'
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

function findProblem(size: string, dimensions: Dimensions, rule: SizeRule): string | null {
  if (rule.type === 'list') return rule.values.includes(size) ? null : 'is not one of those of'
  if (rule.type !== 'range' || rule.presets.includes(size)) return null
  return findRangeProblem(dimensions, rule)
}

function findRangeProblem(
  { width, height }: Dimensions,
  rule: Extract<SizeRule, { type: 'range' }>,
): string | null {
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
