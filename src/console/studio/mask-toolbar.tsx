import { Group } from 'react-aria-components/Group'
import { Label } from 'react-aria-components/Label'
import { Slider, SliderOutput, SliderThumb, SliderTrack } from 'react-aria-components/Slider'
import { IconButton } from '../controls/button.tsx'
import { Segments } from '../controls/segments.tsx'

export type PaintTool = 'brush' | 'eraser'

interface MaskToolbarProps {
  tool: PaintTool
  onTool(tool: PaintTool): void
  radius: number
  maxRadius: number
  onRadius(radius: number): void
  isEmpty: boolean
  onUndo(): void
  onClear(): void
  onInvert(): void
}

const tools: { id: PaintTool; label: string }[] = [
  { id: 'brush', label: 'Brush' },
  { id: 'eraser', label: 'Eraser' },
]

export function MaskToolbar(props: MaskToolbarProps) {
  const { tool, onTool, radius, maxRadius, onRadius, isEmpty, onUndo, onClear, onInvert } = props
  return (
    <Group className="painter-tools" aria-label="Mask tools">
      <Segments label="Tool" choices={tools} value={tool} onChange={onTool} size="small" />
      <Slider
        className="slider"
        value={radius * 2}
        minValue={2}
        maxValue={maxRadius * 2}
        onChange={(size) => onRadius(size / 2)}
      >
        <Label>Size</Label>
        <SliderTrack className="slider-track">
          <SliderThumb className="slider-thumb" />
        </SliderTrack>
        <SliderOutput className="slider-output">{Math.round(radius * 2)} px</SliderOutput>
      </Slider>
      <IconButton label="Undo" icon="undo" isDisabled={isEmpty} onPress={onUndo} />
      <IconButton label="Invert the mask" icon="invert" onPress={onInvert} />
      <IconButton label="Clear the mask" icon="trash" isDisabled={isEmpty} onPress={onClear} />
    </Group>
  )
}
