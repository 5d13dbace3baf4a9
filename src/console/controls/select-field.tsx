import { Button } from 'react-aria-components/Button'
import { Select, SelectValue } from 'react-aria-components/Select'
import { type Choice, ChoiceList } from './choice-list.tsx'
import { FieldLabel, FieldNotes, type FieldProps } from './field-text.tsx'
import { Icon } from './icon.tsx'

interface SelectFieldProps<Id extends string> extends FieldProps {
  choices: readonly Choice<Id>[]
  value: Id
  onChange(value: NoInfer<Id>): void
}

export function SelectField<Id extends string>(props: SelectFieldProps<Id>) {
  const { label, description, error, choices, value, onChange } = props
  return (
    <Select
      className="field"
      value={value}
      onChange={(key) => onChange(key as Id)}
      isInvalid={Boolean(error)}
      validationBehavior="aria"
    >
      <FieldLabel label={label} />
      <Button className="input select-button">
        <SelectValue>{({ selectedText }) => selectedText ?? ''}</SelectValue>
        <Icon name="chevron" />
      </Button>
      <FieldNotes description={description} error={error} />
      <ChoiceList choices={choices} />
    </Select>
  )
}
