import type { OperationAgainQuery } from '../generated/graphql.ts'
import { sourceOfImage } from './source-image.ts'
import type { StudioDraft } from './studio-draft.ts'

type Operation = NonNullable<OperationAgainQuery['operation']>

/** The form as it must have been filled in for this operation. */
export function draftOfOperation({ kind, metadata, input }: Operation): Omit<StudioDraft, 'strokes'> {
  const { images, mask, messages, aspectRatio, ...plain } = input
  const given = Object.entries(plain).filter(([name, value]) => value !== null && name !== '__typename')
  const values = Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
  if (aspectRatio) values.aspectRatio = `${aspectRatio.widthRatio}:${aspectRatio.heightRatio}`
  if (messages) {
    const parts = messages.map(({ text, weight }) => ({
      text,
      weight: weight === null ? '' : String(weight),
    }))
    values.messages = JSON.stringify(parts)
  }
  return {
    kind,
    modelIds: { [kind]: `${metadata.provider}/${metadata.model}` },
    values,
    sources: images.map(sourceOfImage),
    maskFile: mask && { ...sourceOfImage(mask), name: 'The same mask' },
  }
}
