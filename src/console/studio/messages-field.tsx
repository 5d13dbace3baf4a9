import { Group } from 'react-aria-components/Group'
import { Button, IconButton } from '../controls/button.tsx'
import type { FieldProps } from '../controls/field-text.tsx'
import { TextField } from '../controls/text-field.tsx'
import { type DraftMessage, parseMessages } from './request-input.ts'

interface MessagesFieldProps extends FieldProps {
  maxCount: number
  value: string
  onChange(value: string): void
}

/** The prompt in parts. While there are parts, they replace the prompt. */
export function MessagesField({ label, error, maxCount, value, onChange }: MessagesFieldProps) {
  const messages = parseMessages(value)
  const set = (next: DraftMessage[]) => onChange(next.length === 0 ? '' : JSON.stringify(next))
  const change = (at: number, message: DraftMessage) => set(messages.with(at, message))
  return (
    <Group className="messages" aria-label={label}>
      {messages.map((message, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts have no other name than their place
        <div className="field-row" key={at}>
          <TextField
            label={`Part ${at + 1}`}
            value={message.text}
            onChange={(text) => change(at, { ...message, text })}
            error={at === 0 ? error : null}
          />
          <TextField
            label="Weight"
            value={message.weight}
            onChange={(weight) => change(at, { ...message, weight })}
            inputMode="decimal"
          />
          <IconButton
            label={`Remove part ${at + 1}`}
            icon="trash"
            onPress={() => set(messages.toSpliced(at, 1))}
          />
        </div>
      ))}
      {messages.length < maxCount && (
        <Button variant="quiet" icon="plus" onPress={() => set([...messages, { text: '', weight: '' }])}>
          {messages.length === 0 ? 'Write the prompt in parts' : 'Another part'}
        </Button>
      )}
    </Group>
  )
}
