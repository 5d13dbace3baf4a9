import { Button } from 'react-aria-components/Button'
import { Group } from 'react-aria-components/Group'
import { Input } from 'react-aria-components/Input'
import { NumberField as AriaNumberField } from 'react-aria-components/NumberField'
import { FieldLabel, FieldNotes, type FieldProps } from './field-text.tsx'
import { Icon } from './icon.tsx'

interface NumberFieldProps extends FieldProps {
  value: number | null
  onChange(value: number | null): void
  minValue?: number | undefined
  maxValue?: number | undefined
}

export function NumberField({ label, description, error, value, onChange, ...bounds }: NumberFieldProps) {
  return (
    <AriaNumberField
      className="field"
      value={value ?? Number.NaN}
      onChange={(next) => onChange(Number.isNaN(next) ? null : next)}
      isInvalid={Boolean(error)}
      validationBehavior="aria"
      formatOptions={{ useGrouping: false }}
      {...bounds}
    >
      <FieldLabel label={label} />
      <Group className="input stepper">
        <Button slot="decrement">
          <Icon name="minus" />
        </Button>
        <Input />
        <Button slot="increment">
          <Icon name="plus" />
        </Button>
      </Group>
      <FieldNotes description={description} error={error} />
    </AriaNumberField>
  )
}
