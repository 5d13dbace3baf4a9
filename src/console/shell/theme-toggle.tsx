import { Segments } from '../controls/segments.tsx'
import { chooseTheme, type ThemeChoice, useThemeChoice } from './theme.ts'

const choices: { id: ThemeChoice; label: string }[] = [
  { id: 'light', label: 'Light' },
  { id: 'system', label: 'Auto' },
  { id: 'dark', label: 'Dark' },
]

export function ThemeToggle() {
  return (
    <Segments
      label="Colours"
      choices={choices}
      value={useThemeChoice()}
      onChange={chooseTheme}
      size="small"
    />
  )
}
