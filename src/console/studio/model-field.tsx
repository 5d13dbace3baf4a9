import { Button } from 'react-aria-components/Button'
import { Disclosure, DisclosurePanel } from 'react-aria-components/Disclosure'
import { Heading } from 'react-aria-components/Heading'
import { labelOfValue } from '../controls/format.ts'
import { describeRetirement } from '../controls/retirement-text.ts'
import { SelectField } from '../controls/select-field.tsx'
import type { ModelFormFragment, OperationKind } from '../generated/graphql.ts'
import { type ChosenModel, modelsFor } from './model-choice.ts'

interface ModelFieldProps {
  models: readonly ModelFormFragment[]
  kind: OperationKind
  chosen: ChosenModel
  onChange(modelId: string): void
  error: string | null
}

export function ModelField({ models, kind, chosen: { model }, onChange, error }: ModelFieldProps) {
  const choices = modelsFor(models, kind).map(({ model: { id, name, provider, sandbox, retirement } }) => ({
    id,
    label: name,
    description: [provider, sandbox ? 'sandbox' : '', retirement ? describeRetirement(retirement) : '']
      .filter(Boolean)
      .join(', '),
    isDisabled: retirement?.retired ?? false,
  }))
  return (
    <div className="model-field">
      <SelectField label="Model" choices={choices} value={model.id} onChange={onChange} error={error} />
      <p className="muted small">{model.description}</p>
      {model.retirement && <p className="small warning-text">{describeRetirement(model.retirement)}</p>}
      <UnsupportedModels models={models} kind={kind} />
    </div>
  )
}

function UnsupportedModels({ models, kind }: Pick<ModelFieldProps, 'models' | 'kind'>) {
  const refused = models.flatMap(({ id, unsupported }) =>
    unsupported.filter((each) => each.kind === kind).map(({ reason }) => ({ id, reason })),
  )
  if (refused.length === 0) return null
  return (
    <Disclosure className="disclosure">
      <Heading>
        <Button slot="trigger" className="link-button small">
          {refused.length === 1 ? 'One model' : `${refused.length} models`} without{' '}
          {labelOfValue(kind).toLowerCase()}
        </Button>
      </Heading>
      <DisclosurePanel>
        <ul className="small muted">
          {refused.map(({ id, reason }) => (
            <li key={id}>
              <strong>{id}</strong>: {reason}
            </li>
          ))}
        </ul>
      </DisclosurePanel>
    </Disclosure>
  )
}
