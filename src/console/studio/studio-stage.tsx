import type { Ref } from 'react'
import { Button } from '../controls/button.tsx'
import { onThisOrigin } from '../controls/picture.tsx'
import { Segments } from '../controls/segments.tsx'
import type { ImageCardFragment } from '../generated/graphql.ts'
import { MaskPainter } from './mask-painter.tsx'
import { RunFrames } from './run-frames.tsx'
import { RunResult } from './run-result.tsx'
import { RunStatus } from './run-status.tsx'
import type { DraftChange, StudioDraft } from './studio-draft.ts'
import type { Run } from './use-run.ts'

export type StageView = 'source' | 'run'

interface StudioStageProps {
  ref: Ref<HTMLElement>
  draft: StudioDraft
  onDraft(change: DraftChange): void
  hasMask: boolean
  run: Run
  before: ImageCardFragment | null
  view: StageView
  onView(view: StageView): void
  onEdit?: ((image: ImageCardFragment) => void) | undefined
  onVary?: ((image: ImageCardFragment) => void) | undefined
}

/** The large side of the Studio: the source image, then the image that is being made. */
export function StudioStage(props: StudioStageProps) {
  const { draft, run, view, onView } = props
  const hasSource = draft.kind !== 'GENERATE' && draft.sources.length > 0
  const hasRun = run.state.phase !== 'idle' || run.state.operation !== null
  const shown = hasSource && hasRun ? view : hasSource ? 'source' : 'run'
  return (
    <section className="stage" aria-label="Canvas" ref={props.ref}>
      {hasSource && hasRun && (
        <Segments
          label="Canvas"
          choices={[
            { id: 'source', label: props.hasMask ? 'Mask' : 'Source' },
            { id: 'run', label: 'Result' },
          ]}
          value={shown}
          onChange={onView}
          size="small"
        />
      )}
      {shown === 'source' && <SourceView {...props} />}
      {shown === 'run' && hasRun && <RunView {...props} />}
      {shown === 'run' && !hasRun && <EmptyStage {...props} />}
    </section>
  )
}

function SourceView({ draft, onDraft, hasMask }: StudioStageProps) {
  const [first] = draft.sources
  if (!first) return null
  const canPaint = hasMask && first.width > 0 && !draft.maskFile
  if (canPaint) {
    const onChange = (strokes: StudioDraft['strokes']) => onDraft({ type: 'strokes', strokes })
    return <MaskPainter key={first.id} source={first} strokes={draft.strokes} onChange={onChange} />
  }
  return (
    <div className="source-view">
      <img src={first.blob ? first.url : onThisOrigin(first.url)} alt="The source" />
    </div>
  )
}

function RunView({ run, before, onEdit, onVary }: StudioStageProps) {
  const { state } = run
  return (
    <div className="run">
      <RunStatus run={run} />
      {state.operation?.done ? (
        <RunResult operation={state.operation} before={before} onEdit={onEdit} onVary={onVary} />
      ) : (
        <RunFrames run={state} />
      )}
    </div>
  )
}

const examples = [
  'A lighthouse on a cliff at dusk, oil on canvas, thick brush strokes',
  'A tidy workshop bench seen from above, soft morning light',
  'A paper-cut fox between birches, three colours',
]

function EmptyStage({ draft, onDraft }: StudioStageProps) {
  if (draft.kind !== 'GENERATE') {
    return (
      <div className="stage-empty">
        <h2>{draft.kind === 'EDIT' ? 'Which image shall change?' : 'Which image shall vary?'}</h2>
        <p className="muted">Drop it on the left, paste it, or take a result from Operations.</p>
      </div>
    )
  }
  return (
    <div className="stage-empty">
      <h2>A blank canvas</h2>
      <p className="muted">Say what you want to see, or start from one of these.</p>
      <ul>
        {examples.map((text) => (
          <li key={text}>
            <Button variant="plain" onPress={() => onDraft({ type: 'value', name: 'prompt', value: text })}>
              {text}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  )
}
