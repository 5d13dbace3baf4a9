import { useState } from 'react'
import { Button } from './button.tsx'

interface SureButtonProps {
  /** What it does, such as `Delete`. */
  label: string
  isPending: boolean
  onPress(): void
}

/** For what cannot be undone: it asks once more, and forgets the question when it loses the focus. */
export function SureButton({ label, isPending, onPress }: SureButtonProps) {
  const [isSure, setSure] = useState(false)
  const press = () => {
    if (!isSure) return setSure(true)
    setSure(false)
    onPress()
  }
  return (
    <Button
      variant={isSure ? 'danger' : 'quiet'}
      isPending={isPending}
      onPress={press}
      onBlur={() => setSure(false)}
    >
      {isSure ? `Yes, ${label.toLowerCase()}` : label}
    </Button>
  )
}
