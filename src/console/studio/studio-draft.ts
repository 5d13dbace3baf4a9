import type { FormParameterFragment, OperationKind } from '../generated/graphql.ts'
import type { Stroke } from './mask-strokes.ts'
import { releaseSourceImage, type SourceImage } from './source-image.ts'

/** A request that is being written. Values are texts by parameter name; an empty text means that it is not given. */
export interface StudioDraft {
  kind: OperationKind
  modelIds: Partial<Record<OperationKind, string>>
  values: Record<string, string>
  sources: SourceImage[]
  strokes: Stroke[]
  /** A mask from a file replaces the painted one. */
  maskFile: SourceImage | null
}

export type DraftChange =
  | { type: 'kind'; kind: OperationKind }
  | { type: 'model'; modelId: string; parameters: readonly FormParameterFragment[] }
  | { type: 'value'; name: string; value: string }
  | { type: 'sources'; sources: SourceImage[] }
  | { type: 'strokes'; strokes: Stroke[] }
  | { type: 'maskFile'; maskFile: SourceImage | null }
  | { type: 'load'; draft: Omit<StudioDraft, 'strokes'> }
  | { type: 'start'; kind: OperationKind; source: SourceImage }

export function changeDraft(draft: StudioDraft, change: DraftChange): StudioDraft {
  switch (change.type) {
    case 'kind':
      return { ...draft, kind: change.kind }
    case 'model': {
      const modelIds = { ...draft.modelIds, [draft.kind]: change.modelId }
      return { ...draft, modelIds, values: keepFitting(draft.values, change.parameters) }
    }
    case 'value':
      return { ...draft, values: { ...draft.values, [change.name]: change.value } }
    case 'sources':
      return changeSources(draft, change.sources)
    case 'strokes':
      return { ...draft, strokes: change.strokes }
    case 'maskFile':
      if (draft.maskFile) releaseSourceImage(draft.maskFile)
      return { ...draft, maskFile: change.maskFile }
    case 'load': {
      const { kind, modelIds, values, sources, maskFile } = change.draft
      const next = changeSources(
        { ...draft, kind, modelIds: { ...draft.modelIds, ...modelIds }, values },
        sources,
      )
      return { ...next, maskFile }
    }
    case 'start':
      return changeSources({ ...draft, kind: change.kind }, [change.source])
  }
}

/** The mask belongs to the first image. It stays as long as that image has the same pixels. */
function changeSources(draft: StudioDraft, sources: SourceImage[]): StudioDraft {
  for (const old of draft.sources) if (!sources.some(({ url }) => url === old.url)) releaseSourceImage(old)
  const isSameFirst = draft.sources[0] !== undefined && draft.sources[0].id === sources[0]?.id
  return isSameFirst ? { ...draft, sources } : { ...draft, sources, strokes: [], maskFile: null }
}

/** Choices that the new model does not offer go back to its default. */
function keepFitting(
  values: Record<string, string>,
  parameters: readonly FormParameterFragment[],
): Record<string, string> {
  const fits = ([name, value]: [string, string]) => {
    const parameter = parameters.find((each) => each.name === name)
    if (!parameter) return true
    if (parameter.type === 'ENUM' || parameter.type === 'SIZE') return parameter.values.includes(value)
    return parameter.type !== 'INTEGER' || parameter.max === null || Number(value) <= Number(parameter.max)
  }
  return Object.fromEntries(Object.entries(values).filter(fits))
}

const storageKey = 'easel.draft'
const maxStoredStrokes = 200_000

const emptyDraft: StudioDraft = {
  kind: 'GENERATE',
  modelIds: {},
  // Two partial images by default, so that the progress is visible. The form and the estimate show them.
  values: { partialImages: '2' },
  sources: [],
  strokes: [],
  maskFile: null,
}

/** Everything but files survives a reload. */
export function loadDraft(storage: Storage): StudioDraft {
  try {
    return { ...emptyDraft, ...JSON.parse(storage.getItem(storageKey) ?? '{}') }
  } catch {
    return emptyDraft
  }
}

export function saveDraft(storage: Storage, { kind, modelIds, values, sources, strokes }: StudioDraft): void {
  const kept = sources.filter(({ imageId }) => imageId !== null).map((source) => ({ ...source, blob: null }))
  const keepsFirst = sources[0] !== undefined && kept[0]?.id === sources[0].id
  const strokesText = JSON.stringify(keepsFirst ? strokes : [])
  const small = strokesText.length <= maxStoredStrokes ? JSON.parse(strokesText) : []
  storage.setItem(storageKey, JSON.stringify({ kind, modelIds, values, sources: kept, strokes: small }))
}
