import type { Capabilities } from './capabilities.ts'
import type { ImageModel } from './image-model.ts'
import type { ImageRequest } from './image-request.ts'
import { parameterList } from './parameters.ts'

/** The prompt of an edit that stands for a variation. */
export const variationPrompt =
  'Create a variation of this image: keep its subject, style and composition, and change the details.'

/** The capabilities of edits that serve as variations: one image, and the parameters of the variation's mutation. */
export function variationCapabilities(edit: Capabilities): Capabilities {
  const gone = parameterList.filter(({ kinds, form }) => form && !kinds.includes('VARIATION'))
  return {
    ...edit,
    ...Object.fromEntries(gone.map(({ capability }) => [capability, null])),
    images: edit.images && { ...edit.images, minCount: 1, maxCount: 1 },
  }
}

/** The request as it goes out: the edit that stands for a variation, or the request itself. */
export function asSent(model: ImageModel, request: ImageRequest): ImageRequest {
  if (request.kind !== 'VARIATION' || !model.variationsThroughEdits) return request
  return { ...request, kind: 'EDIT', prompt: variationPrompt, stream: false }
}
