import { useEffect, useRef } from 'react'
import { useQuery } from 'urql'
import { type ImageCardFragment, OperationSourcesDocument } from '../generated/graphql.ts'
import { sourceOfImage } from './source-image.ts'
import type { DraftChange, StudioDraft } from './studio-draft.ts'

interface AdoptionOptions {
  operationId: string | null
  draft: StudioDraft
  change(change: DraftChange): void
  /** The ids of the draft's sources when the run was sent; null when this page did not send it. */
  sentIds: { readonly current: readonly string[] | null }
}

/**
 * The first image the run works on, to compare its results with. Once the gateway has the files of the draft, the draft
 * names them by their ids: another run needs no second upload, and a reload loses none.
 */
export function useAdoptedSources({
  operationId,
  draft,
  change,
  sentIds,
}: AdoptionOptions): ImageCardFragment | null {
  const [{ data }] = useQuery({
    query: OperationSourcesDocument,
    variables: { id: operationId ?? '' },
    pause: !operationId,
  })
  const operation = operationId && data?.operation?.id === operationId ? data.operation : null
  const adoptedFor = useRef<string | null>(null)
  useEffect(() => {
    if (!operation || adoptedFor.current === operation.id) return
    adoptedFor.current = operation.id
    const sources = adopt(operation.input.images, draft, sentIds.current)
    if (operation.kind === draft.kind && sources) change({ type: 'sources', sources })
  }, [operation, draft, change, sentIds])
  return operation?.input.images[0] ?? null
}

/** Null when the draft has changed since. */
function adopt(
  images: readonly ImageCardFragment[],
  { sources }: StudioDraft,
  sentIds: readonly string[] | null,
) {
  if (sentIds === null) return sources.length === 0 ? images.map(sourceOfImage) : null
  const isAsSent = sources.length === images.length && sources.every(({ id }, at) => id === sentIds[at])
  return isAsSent
    ? sources.map((source, at) => ({ ...source, imageId: images[at]?.id ?? source.imageId }))
    : null
}
