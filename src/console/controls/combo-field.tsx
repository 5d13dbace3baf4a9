import { Button } from 'react-aria-components/Button'
import { ComboBox } from 'react-aria-components/ComboBox'
import { Group } from 'react-aria-components/Group'
import { Input } from 'react-aria-components/Input'
import { type Choice, ChoiceList } from './choice-list.tsx'
import { FieldLabel, FieldNotes, type FieldProps } from './field-text.tsx'
import { Icon } from './icon.tsx'

interface ComboFieldProps extends FieldProps {
  suggestions: readonly string[]
  value: string
  onChange(value: string): void
}

/** A text with suggestions: any value may be typed. */
export function ComboField({ label, description, error, suggestions, value, onChange }: ComboFieldProps) {
  const choices: Choice[] = suggestions.map((id) => ({ id, label: id }))
  return (
    <ComboBox
      className="field"
      inputValue={value}
      onInputChange={onChange}
      defaultItems={choices}
      allowsCustomValue
      menuTrigger="focus"
      defaultFilter={() => true}
      isInvalid={Boolean(error)}
      validationBehavior="aria"
    >
      <FieldLabel label={label} />
      <Group className="input stepper">
        <Input />
        <Button>
          <Icon name="chevron" />
        </Button>
      </Group>
      <FieldNotes description={description} error={error} />
      <ChoiceList choices={choices} />
    </ComboBox>
  )
}
