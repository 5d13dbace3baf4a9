import { Input } from 'react-aria-components/Input'
import { TextArea } from 'react-aria-components/TextArea'
import {
  TextField as AriaTextField,
  type TextFieldProps as AriaTextFieldProps,
} from 'react-aria-components/TextField'
import { FieldLabel, FieldNotes, type FieldProps } from './field-text.tsx'

interface TextFieldProps extends FieldProps, Omit<AriaTextFieldProps, 'children' | 'className' | 'style'> {
  rows?: number
  placeholder?: string
}

export function TextField({ label, description, error, rows, placeholder, ...props }: TextFieldProps) {
  return (
    <AriaTextField className="field" isInvalid={Boolean(error)} validationBehavior="aria" {...props}>
      <FieldLabel label={label} />
      {rows ? (
        <TextArea className="input" rows={rows} placeholder={placeholder} />
      ) : (
        <Input className="input" placeholder={placeholder} />
      )}
      <FieldNotes description={description} error={error} />
    </AriaTextField>
  )
}
