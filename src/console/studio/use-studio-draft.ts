import { useEffect, useReducer } from 'react'
import { useQuery } from 'urql'
import { ImageByIdDocument, OperationAgainDocument, type OperationKind } from '../generated/graphql.ts'
import { hrefOf, replaceLocation } from '../routing/location.ts'
import { draftOfOperation } from './draft-of-operation.ts'
import { sourceOfImage } from './source-image.ts'
import { changeDraft, type DraftChange, loadDraft, type StudioDraft, saveDraft } from './studio-draft.ts'

/** The draft of this tab. An address such as `#/studio?edit=IMAGE` starts it from an image, `?again=OPERATION` as it once was. */
export function useStudioDraft(params: URLSearchParams): [StudioDraft, (change: DraftChange) => void] {
  const [draft, change] = useReducer(changeDraft, sessionStorage, loadDraft)
  useEffect(() => saveDraft(sessionStorage, draft), [draft])
  useStartFromAddress(params, change)
  useAgainFromAddress(params, change)
  return [draft, change]
}

function useStartFromAddress(params: URLSearchParams, change: (change: DraftChange) => void): void {
  const imageId = params.get('edit') ?? params.get('vary')
  const kind: OperationKind = params.has('vary') ? 'VARIATION' : 'EDIT'
  const [{ data }] = useQuery({ query: ImageByIdDocument, variables: { id: imageId ?? '' }, pause: !imageId })
  const node = imageId ? data?.node : null
  useEffect(() => {
    if (node?.__typename !== 'Image') return
    change({ type: 'start', kind, source: sourceOfImage(node) })
    replaceLocation(hrefOf(['studio']))
  }, [node, kind, change])
}

function useAgainFromAddress(params: URLSearchParams, change: (change: DraftChange) => void): void {
  const id = params.get('again')
  const [{ data }] = useQuery({ query: OperationAgainDocument, variables: { id: id ?? '' }, pause: !id })
  const operation = id && data?.operation?.id === id ? data.operation : null
  useEffect(() => {
    if (!operation) return
    change({ type: 'load', draft: draftOfOperation(operation) })
    replaceLocation(hrefOf(['studio']))
  }, [operation, change])
}
