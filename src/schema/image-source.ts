import type { NamedSource, SourceInput } from '../operations/accept/operation-sources.ts'
import { builder } from './builder.ts'
import { Image } from './image.ts'

export const ImageSource = builder.inputType('ImageSource', {
  isOneOf: true,
  description: 'An image to work on: exactly one of the two.',
  fields: (t) => ({
    upload: t.field({ type: 'Upload', description: 'A new file: PNG, JPEG or WebP.' }),
    imageId: t.globalID({ for: Image, description: 'An image that Easel already has: no upload needed.' }),
  }),
})

type Source = typeof ImageSource.$inferInput

export function toSourceInput(source: Source): SourceInput {
  return source.upload ? { upload: source.upload } : { imageId: (source.imageId as { id: string }).id }
}

/** The images of an input with the paths that errors name. */
export function toNamedSources(images: Source[], mask?: Source | null): NamedSource[] {
  const named = images.map(
    (source, position): NamedSource => ({
      path: `image.${position}`,
      role: 'INPUT',
      position,
      source: toSourceInput(source),
    }),
  )
  if (mask) named.push({ path: 'mask', role: 'MASK', position: 0, source: toSourceInput(mask) })
  return named
}
