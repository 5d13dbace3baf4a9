import { IconButton } from '../controls/button.tsx'
import type { FieldProps } from '../controls/field-text.tsx'
import { TextField } from '../controls/text-field.tsx'

interface SeedFieldProps extends FieldProps {
  max: string | null
  value: string
  onChange(value: string): void
}

/** A whole number of 64 bits: a text, because a JavaScript number loses digits beyond 2^53. */
export function SeedField({ max, value, onChange, error, ...field }: SeedFieldProps) {
  const problem = value === '' || /^\d+$/.test(value) ? error : 'Digits only.'
  return (
    <div className="field-row">
      <TextField
        {...field}
        value={value}
        onChange={onChange}
        error={problem ?? null}
        inputMode="numeric"
        placeholder="Random"
      />
      <IconButton label="Draw a seed" icon="dice" onPress={() => onChange(drawSeed(max))} />
    </div>
  )
}

function drawSeed(max: string | null): string {
  const [high = 0n] = crypto.getRandomValues(new BigUint64Array(1))
  return String((high % BigInt(max ?? '9223372036854775807')) + 1n)
}
