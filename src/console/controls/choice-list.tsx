import { ListBox, ListBoxItem } from 'react-aria-components/ListBox'
import { Popover } from 'react-aria-components/Popover'
import { Text } from 'react-aria-components/Text'

export interface Choice<Id extends string = string> {
  id: Id
  label: string
  description?: string
  isDisabled?: boolean
}

/** The list that a select or a combo box opens. */
export function ChoiceList({ choices }: { choices: readonly Choice[] }) {
  return (
    <Popover className="popover">
      <ListBox className="choices" items={choices}>
        {({ id, label, description, isDisabled }) => (
          <ListBoxItem id={id} textValue={label} isDisabled={isDisabled ?? false} className="choice">
            <Text slot="label">{label}</Text>
            {description && (
              <Text slot="description" className="muted">
                {description}
              </Text>
            )}
          </ListBoxItem>
        )}
      </ListBox>
    </Popover>
  )
}
