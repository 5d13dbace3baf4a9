import { Group } from 'react-aria-components/Group'
import type { FieldProps } from '../controls/field-text.tsx'
import { NumberField } from '../controls/number-field.tsx'

interface AspectRatioFieldProps extends FieldProps {
  /** `2:1`, or empty. */
  value: string
  onChange(value: string): void
}

export function AspectRatioField({ label, error, value, onChange }: AspectRatioFieldProps) {
  const [width = '', height = ''] = value.split(':')
  const set = (nextWidth: string, nextHeight: string) =>
    onChange(nextWidth || nextHeight ? `${nextWidth}:${nextHeight}` : '')
  const read = (text: string) => (text === '' ? null : Number(text))
  const write = (number: number | null) => (number === null ? '' : String(number))
  return (
    <Group className="field-pair" aria-label={label}>
      <NumberField
        label="Width"
        value={read(width)}
        minValue={1}
        onChange={(next) => set(write(next), height)}
        error={error}
      />
      <NumberField
        label="Height"
        value={read(height)}
        minValue={1}
        onChange={(next) => set(width, write(next))}
      />
    </Group>
  )
}
