import { createHash } from 'node:crypto'
import type { ImageRequest } from './image-request.ts'
import { loadAlpha, loadCover } from './input-image.ts'
import type { Inputs } from './openai-body.ts'
import { encodePicture, openPicture, type Picture, softenPicture, toPicture } from './picture.ts'
import { insetEdge, type RenderInputs, renderPicture } from './render.ts'
import type { Size } from './size.ts'
import type { Slots } from './slots.ts'

export interface ImageJob {
  request: ImageRequest
  inputs: Inputs
  size: Size
  signal: AbortSignal
  slots: Slots
}

/** The pictures of one request. Each step waits for a slot of its own, so that long requests do not block short ones. */
export interface ImageWork {
  render(index: number): Promise<Picture>
  /** The finished picture, or what it looked like after so many steps. */
  encode(picture: Picture, step?: number): Promise<Buffer>
}

const details: Record<string, number> = { low: 1, medium: 2, high: 3, standard: 2, hd: 3 }

/** Decodes the inputs first, so that a damaged one is refused before anything is charged. */
export async function startWork({ request, inputs, size, signal, slots }: ImageJob): Promise<ImageWork> {
  const { kind, prompt, format, compression } = request
  const transparent = request.background === 'transparent'
  const detail = details[request.quality] ?? 2
  const seed = seedOf(request, inputs)
  const loaded = await slots.run(signal, () => loadInputs(inputs, size))
  return {
    render: (index) =>
      slots.run(signal, () =>
        renderPicture({ kind, prompt, size, transparent, detail, seed: `${seed}/${index}`, inputs: loaded }),
      ),
    encode: (picture, step) =>
      slots.run(signal, async () => {
        const shown = step === undefined ? picture : await softenPicture(picture, step)
        return encodePicture(shown, { format, compression, transparent })
      }),
  }
}

/** Size, quality and format are left out: they change how a picture is made, not what it shows. */
function seedOf({ kind, model, prompt, style }: ImageRequest, { images, mask }: Inputs): string {
  const parts = [kind, model.id, prompt, style, ...images.map(({ sha256 }) => sha256), mask?.sha256]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

async function loadInputs({ images, mask }: Inputs, size: Size): Promise<RenderInputs | undefined> {
  const [first, ...further] = images
  if (!first) return undefined
  const base = await loadCover(first, size)
  const edge = insetEdge(size)
  const insets: Picture[] = []
  for (const image of further) {
    insets.push(await frame(await loadCover(image, { width: edge, height: edge })))
  }
  return { base, insets, alpha: mask && (await loadAlpha(mask, size)) }
}

function frame(picture: Picture): Promise<Picture> {
  const line = Math.max(1, Math.round(picture.width / 32))
  const border = { top: line, bottom: line, left: line, right: line, background: '#fff' }
  return toPicture(openPicture(picture).flatten({ background: '#fff' }).extend(border))
}
