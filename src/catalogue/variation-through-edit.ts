import type { Capabilities, ImageModel } from './image-model.ts'
import type { ImageRequest } from './image-request.ts'

/** What an edit is asked for in place of a variation. */
export const variationPrompt =
  'Create a variation of this image: keep its subject, style and composition, and change the details.'

/** What is left of a model's edits when they serve as variations: one image, no words, and how many of what size. */
export function variationCapabilities(edit: Capabilities): Capabilities {
  return {
    ...edit,
    prompt: null,
    messages: null,
    mask: null,
    images: edit.images && { ...edit.images, minCount: 1, maxCount: 1 },
    quality: null,
    background: null,
    inputFidelity: null,
    outputFormat: null,
    outputCompression: null,
    streaming: null,
  }
}

/** The request as it goes out: the edit that stands for a variation, or the request itself. */
export function asSent(model: ImageModel, request: ImageRequest): ImageRequest {
  if (request.kind !== 'VARIATION' || !model.variationsThroughEdits) return request
  return { ...request, kind: 'EDIT', prompt: variationPrompt, stream: false }
}
