import { type KeyboardEvent, type PointerEvent, useLayoutEffect, useRef, useState } from 'react'
import { drawStrokes, type Stroke } from './mask-strokes.ts'
import type { PaintTool } from './mask-toolbar.tsx'

interface MaskCanvasProps {
  /** Of the image itself. */
  width: number
  height: number
  tool: PaintTool
  radius: number
  onRadius(radius: number): void
  strokes: readonly Stroke[]
  onStroke(stroke: Stroke): void
  onUndo(): void
}

interface Point {
  x: number
  y: number
}

/** Enough for the screen: the mask itself is rendered from the strokes at full size. */
const maxCanvasEdge = 1600

export function MaskCanvas(props: MaskCanvasProps) {
  const { width, height, tool, radius, onRadius, strokes, onStroke, onUndo } = props
  const canvas = useRef<HTMLCanvasElement>(null)
  const [current, setCurrent] = useState<Stroke | null>(null)
  const [cursor, setCursor] = useState<Point | null>(null)
  const scale = Math.min(1, maxCanvasEdge / Math.max(width, height))
  useDrawing(canvas, { strokes: current ? [...strokes, current] : strokes, width, height, scale })

  const paint = (points: Point[]) => {
    const added = points.flatMap(({ x, y }) => [Math.round(x), Math.round(y)])
    setCurrent((stroke) => (stroke ? { ...stroke, points: [...stroke.points, ...added] } : stroke))
  }
  const start = (event: PointerEvent<HTMLCanvasElement>) => {
    if (event.button !== 0) return
    event.currentTarget.setPointerCapture(event.pointerId)
    const { x, y } = pointOf(event, event.currentTarget, width)
    setCurrent({ tool, radius, points: [Math.round(x), Math.round(y)] })
  }
  const move = (event: PointerEvent<HTMLCanvasElement>) => {
    setCursor(pointOf(event, event.currentTarget, width))
    if (!current) return
    const between = event.nativeEvent.getCoalescedEvents()
    const moves = between.length > 0 ? between : [event.nativeEvent]
    paint(moves.map((each) => pointOf(each, event.currentTarget, width)))
  }
  const finish = () => {
    if (current) onStroke(current)
    setCurrent(null)
  }
  const press = (event: KeyboardEvent) => {
    const at = cursor ?? { x: width / 2, y: height / 2 }
    const act = keyAction({ event, at, radius, width, height })
    if (!act) return
    event.preventDefault()
    if (act.type === 'move') setCursor(act.to)
    if (act.type === 'dab') onStroke({ tool, radius, points: [Math.round(at.x), Math.round(at.y)] })
    if (act.type === 'radius') onRadius(act.radius)
    if (act.type === 'undo') onUndo()
  }

  return (
    <div className="mask-layer">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: an application gets the keys passed on */}
      <canvas
        ref={canvas}
        width={Math.max(1, Math.round(width * scale))}
        height={Math.max(1, Math.round(height * scale))}
        tabIndex={0}
        role="application"
        aria-label="Mask over the image. Arrow keys move the brush, Space paints, plus and minus change its size, Control Z takes back."
        onPointerDown={start}
        onPointerMove={move}
        onPointerUp={finish}
        onPointerCancel={finish}
        onPointerLeave={() => current ?? setCursor(null)}
        onKeyDown={press}
      />
      {cursor && (
        <span
          className="brush-cursor"
          style={{
            left: `${(cursor.x / width) * 100}%`,
            top: `${(cursor.y / height) * 100}%`,
            width: `${((radius * 2) / width) * 100}%`,
          }}
        />
      )}
    </div>
  )
}

interface Drawing {
  strokes: readonly Stroke[]
  width: number
  height: number
  scale: number
}

function useDrawing(
  canvas: { current: HTMLCanvasElement | null },
  { strokes, width, height, scale }: Drawing,
): void {
  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context) return
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, context.canvas.width, context.canvas.height)
    context.setTransform(scale, 0, 0, scale, 0, 0)
    const accent = getComputedStyle(context.canvas).getPropertyValue('--mask').trim()
    context.fillStyle = accent
    context.strokeStyle = accent
    drawStrokes(context, strokes, { width, height })
  })
}

function pointOf(
  event: { clientX: number; clientY: number },
  canvas: HTMLCanvasElement,
  width: number,
): Point {
  const box = canvas.getBoundingClientRect()
  const perPixel = width / box.width
  return { x: (event.clientX - box.left) * perPixel, y: (event.clientY - box.top) * perPixel }
}

type KeyAction =
  | { type: 'move'; to: Point }
  | { type: 'dab' }
  | { type: 'radius'; radius: number }
  | { type: 'undo' }

interface KeyPress {
  event: KeyboardEvent
  at: Point
  radius: number
  width: number
  height: number
}

const directions: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

function keyAction({ event, at, radius, width, height }: KeyPress): KeyAction | null {
  const direction = directions[event.key]
  if (direction) {
    const step = event.shiftKey ? radius * 4 : radius
    const clamp = (value: number, max: number) => Math.min(max, Math.max(0, value))
    const to = { x: clamp(at.x + direction[0] * step, width), y: clamp(at.y + direction[1] * step, height) }
    return { type: 'move', to }
  }
  if (event.key === ' ' || event.key === 'Enter') return { type: 'dab' }
  if (event.key === '+' || event.key === '=') return { type: 'radius', radius: Math.ceil(radius * 1.25) }
  if (event.key === '-') return { type: 'radius', radius: Math.max(1, Math.floor(radius / 1.25)) }
  if (event.key === 'z' && (event.ctrlKey || event.metaKey)) return { type: 'undo' }
  return null
}
