import { z } from 'zod'
import type { OperationKind } from './operation-kind.ts'
import { refuseValue } from './parameter-refusal.ts'
import type { MaskFacts, SourceFacts } from './source-facts.ts'

const count = z.int().min(1)
/** The types that the gateway takes. */
const mimeTypes: z.ZodType<string[]> = z.array(z.enum(['image/png', 'image/jpeg', 'image/webp'])).min(1)

export const imageRule = z
  .strictObject({
    minCount: count,
    maxCount: count,
    mimeTypes,
    /** A file must be smaller than this. */
    maxBytes: count,
    square: z.boolean(),
    /** Without a mask the image's own transparency says where to edit. */
    alphaUnlessMasked: z.boolean(),
  })
  .refine(({ minCount, maxCount }) => minCount <= maxCount, 'minCount must not exceed maxCount')

export const maskRule = z.strictObject({
  mimeTypes,
  /** The file must be smaller than this. */
  maxBytes: count,
})

export type ImageRule = z.infer<typeof imageRule>
export type MaskRule = z.infer<typeof maskRule>

/** Where a source image stands in the input: a variation has one, an edit a list. */
function fieldOf(kind: OperationKind, index: number): string {
  return kind === 'VARIATION' ? 'input.image' : `input.image.${index}`
}

export function checkImages(
  images: readonly SourceFacts[],
  rule: ImageRule,
  { kind, hasMask }: { kind: OperationKind; hasMask: boolean },
): void {
  const { minCount, maxCount } = rule
  if (images.length < minCount || images.length > maxCount) {
    throw refuseValue(
      `This model takes ${minCount === maxCount ? minCount : `${minCount} to ${maxCount}`} image(s).`,
      {
        field: 'input.image',
        reason: 'IMAGE_COUNT',
        allowed: { min: minCount, max: maxCount },
        actual: images.length,
      },
    )
  }
  for (const [index, image] of images.entries()) checkImage(image, rule, fieldOf(kind, index))
  const [first] = images
  if (first && rule.alphaUnlessMasked && !hasMask && kind === 'EDIT' && !first.hasAlpha) {
    throw refuseValue('Without a mask the image itself must be transparent where it is to be edited.', {
      field: fieldOf(kind, 0),
      reason: 'IMAGE_WITHOUT_ALPHA',
      hint: 'ADD_MASK',
    })
  }
}

function checkImage(image: SourceFacts, rule: ImageRule, field: string): void {
  checkType(image.mimeType, rule.mimeTypes, field)
  checkBytes(image.byteSize, rule.maxBytes, field)
  if (rule.square && image.width !== image.height) {
    throw refuseValue('This model takes square images only.', {
      field,
      reason: 'IMAGE_NOT_SQUARE',
      allowed: { ratio: '1:1' },
      actual: `${image.width}x${image.height}`,
      hint: 'CROP_TO_SQUARE',
    })
  }
}

function checkType(mimeType: string, allowed: readonly string[], field: string): void {
  if (allowed.includes(mimeType)) return
  throw refuseValue(`This model takes ${allowed.join(', ')}.`, {
    field,
    reason: 'IMAGE_TYPE_UNSUPPORTED',
    allowed,
    actual: mimeType,
    hint: 'CONVERT_TO_PNG',
  })
}

function checkBytes(byteSize: number, maxBytes: number, field: string): void {
  if (byteSize < maxBytes) return
  throw refuseValue(`The file must be smaller than ${maxBytes} bytes.`, {
    field,
    reason: 'IMAGE_TOO_LARGE',
    allowed: { max: maxBytes - 1 },
    actual: byteSize,
    hint: 'RESIZE',
  })
}

/**
 * A mask belongs to the first image. Its fully transparent pixels mark where to edit. They are known only after decoding,
 * so their rules apply only then.
 */
export function checkMask(mask: MaskFacts, rule: MaskRule, first: SourceFacts | undefined): void {
  const field = 'input.mask'
  checkType(mask.mimeType, rule.mimeTypes, field)
  checkBytes(mask.byteSize, rule.maxBytes, field)
  if (!mask.hasAlpha) {
    throw refuseValue('A mask needs an alpha channel: its fully transparent pixels say where to edit.', {
      field,
      reason: 'MASK_WITHOUT_ALPHA',
      hint: 'ADD_ALPHA',
    })
  }
  if (first && (mask.width !== first.width || mask.height !== first.height)) {
    throw refuseValue('The mask must have the dimensions of the first image.', {
      field,
      reason: 'MASK_DIMENSIONS',
      allowed: `${first.width}x${first.height}`,
      actual: `${mask.width}x${mask.height}`,
      hint: 'RESIZE',
    })
  }
  checkCoverage(mask, field)
}

function checkCoverage({ coverage }: MaskFacts, field: string): void {
  if (coverage === 'OPAQUE') {
    throw refuseValue('The mask has no fully transparent pixel, so there is nothing to edit.', {
      field,
      reason: 'MASK_FULLY_OPAQUE',
      hint: 'ADD_ALPHA',
    })
  }
  if (coverage === 'TRANSPARENT') {
    throw refuseValue('The mask is fully transparent; leave it out to edit the whole image.', {
      field,
      reason: 'MASK_FULLY_TRANSPARENT',
      hint: 'REMOVE_MASK',
    })
  }
}
