import { ComboField } from '../controls/combo-field.tsx'
import { labelOfValue } from '../controls/format.ts'
import { NumberField } from '../controls/number-field.tsx'
import { labelOfParameter } from '../controls/parameter-label.ts'
import { SelectField } from '../controls/select-field.tsx'
import { SwitchField } from '../controls/switch-field.tsx'
import { TextField } from '../controls/text-field.tsx'
import type { FormParameterFragment } from '../generated/graphql.ts'
import { AspectRatioField } from './aspect-ratio-field.tsx'
import { MessagesField } from './messages-field.tsx'
import type { ModelOperation } from './model-choice.ts'
import { SeedField } from './seed-field.tsx'

export interface ParameterFieldProps {
  parameter: FormParameterFragment
  operation: ModelOperation
  value: string
  onChange(value: string): void
  error: string | null
}

/** One field of a model's form. Its type alone decides how it looks, so a new parameter needs no code here. */
export function ParameterField({ parameter, operation, value, onChange, error }: ParameterFieldProps) {
  const { name, type, values, min, max } = parameter
  const common = {
    label: labelOfParameter(name),
    description: descriptionOf(parameter, operation),
    error,
  }
  switch (type) {
    case 'INTEGER':
      return (
        <NumberField
          {...common}
          value={value === '' ? numberOrNull(parameter.default) : Number(value)}
          onChange={(next) => onChange(next === null ? '' : String(next))}
          minValue={numberOrNull(min) ?? undefined}
          maxValue={numberOrNull(max) ?? undefined}
        />
      )
    case 'ENUM':
      return <EnumField {...common} parameter={parameter} value={value} onChange={onChange} />
    case 'SIZE':
      return (
        <ComboField
          {...common}
          suggestions={values}
          value={value || (parameter.default ?? '')}
          onChange={onChange}
        />
      )
    case 'BOOLEAN':
      return (
        <SwitchField label={common.label} value={value === 'true'} onChange={(on) => onChange(String(on))} />
      )
    case 'BIG_INTEGER':
      return <SeedField {...common} max={max} value={value} onChange={onChange} />
    case 'ASPECT_RATIO':
      return <AspectRatioField {...common} value={value} onChange={onChange} />
    case 'MESSAGES':
      return <MessagesField {...common} maxCount={numberOrNull(max) ?? 1} value={value} onChange={onChange} />
    case 'STRING':
      return <TextField {...common} value={value} onChange={onChange} />
    case 'IMAGE':
    case 'IMAGES':
      return null
  }
}

type EnumFieldProps = Omit<ParameterFieldProps, 'operation'> & {
  label: string
  description: string | undefined
}

const unset = ''

function EnumField({ parameter, value, ...props }: EnumFieldProps) {
  const { values, default: standard } = parameter
  const choices = values.map((id) => ({ id, label: labelOfValue(id) }))
  const withUnset = standard ? choices : [{ id: unset, label: 'The model’s own' }, ...choices]
  const shown = values.includes(value) ? value : (standard ?? unset)
  return <SelectField {...props} choices={withUnset} value={shown} />
}

function descriptionOf(
  { name, type, max }: FormParameterFragment,
  { sizeRange }: ModelOperation,
): string | undefined {
  if (type === 'SIZE' && sizeRange) {
    return `Or any WIDTHxHEIGHT in steps of ${sizeRange.multipleOf}, up to ${sizeRange.maxEdge}`
  }
  if (name === 'partialImages') return 'Earlier states, 100 tokens each'
  if (name === 'outputCompression') return `0 to ${max}, 100 is the finest`
  return undefined
}

function numberOrNull(text: string | null): number | null {
  return text === null || text === '' ? null : Number(text)
}
