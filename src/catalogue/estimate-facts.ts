import type { EstimateFacts } from './estimate.ts'
import type { ImageRequest, SourceImage } from './image-request.ts'

type Facts = Omit<ImageRequest, 'images' | 'mask'> & {
  images: Pick<SourceImage, 'width' | 'height'>[]
  mask: Pick<SourceImage, 'width' | 'height'> | null
}

/** What an estimate needs to know of a request. */
export function estimateFacts(request: Facts): EstimateFacts {
  const prompt = request.prompt ?? request.messages?.map(({ text }) => text).join('\n') ?? ''
  return {
    kind: request.kind,
    promptBytes: Buffer.byteLength(prompt),
    n: request.n,
    size: request.size,
    quality: request.quality,
    partialImages: request.partialImages,
    inputFidelity: request.inputFidelity,
    inputImages: request.images.map(dimensionsOf),
    mask: request.mask && dimensionsOf(request.mask),
  }
}

function dimensionsOf({ width, height }: Pick<SourceImage, 'width' | 'height'>) {
  return { width, height }
}
