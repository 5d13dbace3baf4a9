import { ToggleButton } from 'react-aria-components/ToggleButton'
import { ToggleButtonGroup } from 'react-aria-components/ToggleButtonGroup'

interface SegmentsProps<Id extends string> {
  label: string
  choices: readonly { id: Id; label: string }[]
  value: Id
  onChange(value: NoInfer<Id>): void
  size?: 'small' | 'normal'
}

/** A choice of one among few, all visible. */
export function Segments<Id extends string>({
  label,
  choices,
  value,
  onChange,
  size = 'normal',
}: SegmentsProps<Id>) {
  return (
    <ToggleButtonGroup
      className="segments"
      data-size={size}
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[value]}
      onSelectionChange={(keys) => {
        const [first] = keys
        if (first !== undefined) onChange(first as Id)
      }}
    >
      {choices.map((choice) => (
        <ToggleButton key={choice.id} id={choice.id} className="segment">
          {choice.label}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  )
}
