import type { KeyboardEvent } from 'react'
import { Button } from '../controls/button.tsx'
import { FailureNotice } from '../controls/notice.tsx'
import { Segments } from '../controls/segments.tsx'
import { TextField } from '../controls/text-field.tsx'
import type { FormParameterFragment, ModelFormFragment, OperationKind } from '../generated/graphql.ts'
import type { Failure } from '../graphql/failure.ts'
import { EstimatePanel } from './estimate-panel.tsx'
import { errorOf, isShownBeside } from './field-errors.ts'
import { MaskField } from './mask-field.tsx'
import type { ChosenModel } from './model-choice.ts'
import { ModelField } from './model-field.tsx'
import { ParameterField } from './parameter-field.tsx'
import { isApplicable } from './request-input.ts'
import { SourceTray } from './source-tray.tsx'
import type { DraftChange, StudioDraft } from './studio-draft.ts'
import type { Estimate } from './use-estimate.ts'

interface StudioFormProps {
  draft: StudioDraft
  onDraft(change: DraftChange): void
  models: readonly ModelFormFragment[]
  chosen: ChosenModel
  estimate: Estimate
  /** Why the last request was refused. */
  failure: Failure | null
  isBusy: boolean
  onRun(): void
  onShowCode(): void
}

const kinds: { id: OperationKind; label: string }[] = [
  { id: 'GENERATE', label: 'Generate' },
  { id: 'EDIT', label: 'Edit' },
  { id: 'VARIATION', label: 'Vary' },
]

/** Fields that have a place of their own; all others follow in the model's order. */
const placed = ['prompt', 'image', 'mask']

export function StudioForm(props: StudioFormProps) {
  const { draft, onDraft, models, chosen, estimate, failure, isBusy, onRun, onShowCode } = props
  const { parameters } = chosen.operation
  const failures = [failure, estimate.failure]
  const shown = ['model', ...parameters.map(({ name }) => name)]
  // From the prompt alone: a number field takes its value only when it is left.
  const runByKey = ({ key, ctrlKey, metaKey, target }: KeyboardEvent) => {
    const isAsked = key === 'Enter' && (ctrlKey || metaKey) && target instanceof HTMLTextAreaElement
    if (isAsked && !isBusy) onRun()
  }
  return (
    <form
      className="studio-form"
      aria-label="Request"
      onKeyDown={runByKey}
      onSubmit={(event) => event.preventDefault()}
    >
      <Segments
        label="What to do"
        choices={kinds}
        value={draft.kind}
        onChange={(kind) => onDraft({ type: 'kind', kind })}
      />
      <ImageFields {...props} failures={failures} />
      <PromptField {...props} failures={failures} />
      <ModelField
        models={models}
        kind={draft.kind}
        chosen={chosen}
        onChange={(modelId) =>
          onDraft({ type: 'model', modelId, parameters: parametersOf(models, draft.kind, modelId) })
        }
        error={errorOf(failures, 'model')}
      />
      <OtherFields {...props} failures={failures} />
      <div className="run-bar">
        {failure && !isShownBeside(failure, shown) && <FailureNotice failure={failure} />}
        <EstimatePanel estimate={estimate} />
        <div className="run-buttons">
          <Button variant="quiet" onPress={onShowCode}>
            Code
          </Button>
          <Button variant="primary" onPress={onRun} isDisabled={isBusy}>
            {isBusy ? 'Running…' : runLabels[draft.kind]}
          </Button>
        </div>
      </div>
    </form>
  )
}

const runLabels: Record<OperationKind, string> = { GENERATE: 'Generate', EDIT: 'Edit', VARIATION: 'Vary' }

type FieldsProps = StudioFormProps & { failures: (Failure | null)[] }

function ImageFields({ draft, onDraft, chosen: { operation }, failures }: FieldsProps) {
  const image = find(operation.parameters, 'image')
  const mask = find(operation.parameters, 'mask')
  if (!image) return null
  return (
    <>
      <SourceTray
        parameter={image}
        operation={operation}
        sources={draft.sources}
        onChange={(sources) => onDraft({ type: 'sources', sources })}
        error={errorOf(failures, 'image')}
      />
      {mask && draft.sources.length > 0 && (
        <MaskField
          maskFile={draft.maskFile}
          isPainted={draft.strokes.length > 0}
          onChange={(maskFile) => onDraft({ type: 'maskFile', maskFile })}
          error={errorOf(failures, 'mask')}
        />
      )}
    </>
  )
}

function PromptField({ draft, onDraft, chosen, failures }: FieldsProps) {
  const prompt = find(chosen.operation.parameters, 'prompt')
  if (!prompt) return null
  const value = draft.values.prompt ?? ''
  const hasParts =
    Boolean(draft.values.messages) && find(chosen.operation.parameters, 'messages') !== undefined
  const left = Number(prompt.max ?? Number.POSITIVE_INFINITY) - [...value].length
  return (
    <TextField
      label="Prompt"
      rows={4}
      value={value}
      onChange={(next) => onDraft({ type: 'value', name: 'prompt', value: next })}
      placeholder={draft.kind === 'EDIT' ? 'What shall be different?' : 'What do you want to see?'}
      description={
        hasParts ? 'Its parts below stand instead.' : left < 200 ? `${left} characters left` : undefined
      }
      isDisabled={hasParts}
      error={errorOf(failures, 'prompt')}
    />
  )
}

function OtherFields({ draft, onDraft, chosen: { operation }, failures }: FieldsProps) {
  const { parameters } = operation
  const others = parameters.filter(
    (parameter) => !placed.includes(parameter.name) && isApplicable(parameter, parameters, draft.values),
  )
  return (
    <div className="parameter-grid">
      {others.map((parameter) => (
        <ParameterField
          key={parameter.name}
          parameter={parameter}
          operation={operation}
          value={draft.values[parameter.name] ?? ''}
          onChange={(value) => onDraft({ type: 'value', name: parameter.name, value })}
          error={errorOf(failures, parameter.name)}
        />
      ))}
    </div>
  )
}

function find(parameters: readonly FormParameterFragment[], name: string): FormParameterFragment | undefined {
  return parameters.find((parameter) => parameter.name === name)
}

function parametersOf(models: readonly ModelFormFragment[], kind: OperationKind, modelId: string) {
  const model = models.find(({ id }) => id === modelId)
  return model?.operations.find((operation) => operation.kind === kind)?.parameters ?? []
}
