/** One movement of a tool over the image, in pixels of the image itself. */
export interface Stroke {
  tool: 'brush' | 'eraser' | 'fill' | 'invert'
  radius: number
  /** x0, y0, x1, y1, … */
  points: number[]
}

interface Surface {
  width: number
  height: number
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D

/** Paints what the strokes cover, and leaves the rest transparent. */
export function drawStrokes(context: Context, strokes: readonly Stroke[], { width, height }: Surface): void {
  context.lineCap = 'round'
  context.lineJoin = 'round'
  for (const stroke of strokes) drawStroke(context, stroke, { width, height })
  context.globalCompositeOperation = 'source-over'
}

function drawStroke(context: Context, { tool, radius, points }: Stroke, { width, height }: Surface): void {
  if (tool === 'fill' || tool === 'invert') {
    context.globalCompositeOperation = tool === 'fill' ? 'source-over' : 'xor'
    context.fillRect(0, 0, width, height)
    return
  }
  context.globalCompositeOperation = tool === 'brush' ? 'source-over' : 'destination-out'
  context.lineWidth = radius * 2
  context.beginPath()
  context.moveTo(points[0] ?? 0, points[1] ?? 0)
  // A line to the same place draws the dot of a single touch.
  if (points.length === 2) context.lineTo(points[0] ?? 0, points[1] ?? 0)
  for (let at = 2; at < points.length; at += 2) context.lineTo(points[at] ?? 0, points[at + 1] ?? 0)
  context.stroke()
}

/** A PNG of the image's size: fully transparent where it was painted, opaque elsewhere. */
export async function renderMask(strokes: readonly Stroke[], { width, height }: Surface): Promise<Blob> {
  const painted = new OffscreenCanvas(width, height)
  drawStrokes(contextOf(painted), strokes, { width, height })
  const mask = new OffscreenCanvas(width, height)
  const context = contextOf(mask)
  context.fillRect(0, 0, width, height)
  context.globalCompositeOperation = 'destination-out'
  context.drawImage(painted, 0, 0)
  return mask.convertToBlob({ type: 'image/png' })
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext('2d')
  if (!context) throw new Error('This browser cannot draw')
  return context
}
