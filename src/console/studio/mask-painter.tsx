import { useState } from 'react'
import { onThisOrigin } from '../controls/picture.tsx'
import { MaskCanvas } from './mask-canvas.tsx'
import type { Stroke } from './mask-strokes.ts'
import { MaskToolbar, type PaintTool } from './mask-toolbar.tsx'
import type { SourceImage } from './source-image.ts'

interface MaskPainterProps {
  source: SourceImage
  strokes: Stroke[]
  onChange(strokes: Stroke[]): void
}

/** The first image with the mask over it. The model may change the painted part. */
export function MaskPainter({ source, strokes, onChange }: MaskPainterProps) {
  const [tool, setTool] = useState<PaintTool>('brush')
  const [radius, setRadius] = useState(() =>
    Math.max(4, Math.round(Math.max(source.width, source.height) / 24)),
  )
  const add = (stroke: Stroke) => onChange([...strokes, stroke])
  return (
    <div className="painter">
      <MaskToolbar
        tool={tool}
        onTool={setTool}
        radius={radius}
        maxRadius={Math.ceil(Math.max(source.width, source.height) / 4)}
        onRadius={setRadius}
        isEmpty={strokes.length === 0}
        onUndo={() => onChange(strokes.slice(0, -1))}
        onClear={() => onChange([])}
        onInvert={() => add({ tool: 'invert', radius: 0, points: [] })}
      />
      <div className="painter-image" style={{ aspectRatio: `${source.width} / ${source.height}` }}>
        <img src={source.blob ? source.url : onThisOrigin(source.url)} alt="What to edit" />
        <MaskCanvas
          width={source.width}
          height={source.height}
          tool={tool}
          radius={radius}
          onRadius={setRadius}
          strokes={strokes}
          onStroke={add}
          onUndo={() => onChange(strokes.slice(0, -1))}
        />
      </div>
    </div>
  )
}
