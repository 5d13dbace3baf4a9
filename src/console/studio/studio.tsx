import { useRef, useState } from 'react'
import { Notice } from '../controls/notice.tsx'
import { SandboxBadge } from '../controls/sandbox-badge.tsx'
import type {
  ImageCardFragment,
  ImageSource,
  ModelFormFragment,
  OperationKind,
} from '../generated/graphql.ts'
import { describeFailure, type Failure } from '../graphql/failure.ts'
import { addressOf } from '../graphql/gateway.ts'
import { useConnection } from '../graphql/gateway-context.ts'
import { renderMask } from './mask-strokes.ts'
import { type ChosenModel, chooseModel, modelsFor } from './model-choice.ts'
import {
  buildEstimateInput,
  buildRequest,
  findMissing,
  imageSourceOf,
  type StudioRequest,
} from './request-input.ts'
import { type Snippets, writeSnippets } from './request-snippets.ts'
import { isBusy } from './run-state.ts'
import { SnippetsPanel } from './snippets-panel.tsx'
import { sourceOfImage } from './source-image.ts'
import type { StudioDraft } from './studio-draft.ts'
import { StudioForm } from './studio-form.tsx'
import { type StageView, StudioStage } from './studio-stage.tsx'
import { useAdoptedSources } from './use-adopted-sources.ts'
import { useEstimate } from './use-estimate.ts'
import { useRun } from './use-run.ts'
import { useStudioDraft } from './use-studio-draft.ts'

export function Studio({ models, params }: { models: ModelFormFragment[]; params: URLSearchParams }) {
  const { session } = useConnection()
  const [draft, changeDraft] = useStudioDraft(params)
  const [view, setView] = useState<StageView>('run')
  const [snippets, setSnippets] = useState<Snippets | null>(null)
  const run = useRun(params.get('operation'))
  const chosen = chooseModel(models, draft.kind, draft.modelIds[draft.kind])
  const estimate = useEstimate(chosen && estimateInput(draft, chosen))
  const stage = useRef<HTMLElement>(null)
  const sentIds = useRef<string[] | null>(null)
  const before = useAdoptedSources({
    operationId: run.state.operationId,
    draft,
    change: changeDraft,
    sentIds,
  })
  const [missing, setMissing] = useState<Failure | null>(null)

  const start = async () => {
    if (!chosen) return
    const found = findMissing(chosen, draft.values, draft.sources)
    setMissing(found ? missingFailure(found.name) : null)
    if (found) return
    const request = await composeRequest(draft, chosen)
    sentIds.current = draft.sources.map(({ id }) => id)
    setView('run')
    run.send(request)
    stage.current?.scrollIntoView({ block: 'nearest' })
  }
  const begin = (kind: OperationKind) => (image: ImageCardFragment) => {
    changeDraft({ type: 'start', kind, source: sourceOfImage(image) })
    setView('source')
  }
  const can = (kind: OperationKind) => (modelsFor(models, kind).length > 0 ? begin(kind) : undefined)
  const showCode = async () => {
    if (!chosen) return
    const request = await composeRequest(draft, chosen)
    setSnippets(writeSnippets({ request, url: addressOf('graphql'), isSignedIn: session.key() !== null }))
  }

  return (
    <>
      {chosen?.model.sandbox && (
        <p className="sandbox-line">
          <SandboxBadge /> Images here are drawn by Easel’s own sandbox. No provider is called; prices are
          what the real model would cost.
        </p>
      )}
      <div className="studio">
        {chosen ? (
          <StudioForm
            draft={draft}
            onDraft={changeDraft}
            models={models}
            chosen={chosen}
            estimate={estimate}
            failure={missing ?? run.state.failure}
            isBusy={isBusy(run.state)}
            onRun={start}
            onShowCode={showCode}
          />
        ) : (
          <NoModel kind={draft.kind} onBack={() => changeDraft({ type: 'kind', kind: 'GENERATE' })} />
        )}
        <StudioStage
          ref={stage}
          draft={draft}
          onDraft={changeDraft}
          hasMask={chosen?.operation.parameters.some(({ name }) => name === 'mask') ?? false}
          run={run}
          before={before}
          view={view}
          onView={setView}
          onEdit={can('EDIT')}
          onVary={can('VARIATION')}
        />
      </div>
      <SnippetsPanel snippets={snippets} onClose={() => setSnippets(null)} />
    </>
  )
}

function missingFailure(name: string): Failure {
  const message = name === 'image' ? 'Choose an image first.' : 'Write something here first.'
  return describeFailure({ message, extensions: { code: 'BAD_USER_INPUT', field: `input.${name}` } })
}

function NoModel({ kind, onBack }: { kind: OperationKind; onBack(): void }) {
  return (
    <Notice tone="warning" title={`No model here can do that: ${kind.toLowerCase()}`}>
      <button type="button" className="link-button" onClick={onBack}>
        Back to generating
      </button>
    </Notice>
  )
}

/** Null while a required field is empty, since an untouched form should show no error. */
function estimateInput(draft: StudioDraft, chosen: ChosenModel) {
  const { values, sources, strokes, maskFile } = draft
  if (findMissing(chosen, values, sources)) return null
  return buildEstimateInput({ chosen, values, sources, hasMask: strokes.length > 0 || maskFile !== null })
}

async function composeRequest(draft: StudioDraft, chosen: ChosenModel): Promise<StudioRequest> {
  const { values, sources } = draft
  return buildRequest({
    chosen,
    values,
    sources,
    mask: await composeMask(draft, chosen),
    requestId: crypto.randomUUID(),
  })
}

async function composeMask(
  { sources, strokes, maskFile }: StudioDraft,
  chosen: ChosenModel,
): Promise<ImageSource | null> {
  if (!chosen.operation.parameters.some(({ name }) => name === 'mask')) return null
  if (maskFile) return imageSourceOf(maskFile)
  const [first] = sources
  if (!first || first.width === 0 || strokes.length === 0) return null
  return { upload: await renderMask(strokes, first) }
}
