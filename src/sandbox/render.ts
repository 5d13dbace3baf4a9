import sharp, { type OverlayOptions } from 'sharp'
import { drawMark } from './mark.ts'
import type { ImageKind } from './models.ts'
import { choosePalette } from './palette.ts'
import { openPicture, type Picture, toPicture, wrapSvg } from './picture.ts'
import { createRandom } from './random.ts'
import { drawScene, type SceneOptions } from './scene.ts'
import type { Size } from './size.ts'

export interface RenderRequest {
  kind: ImageKind
  prompt: string
  /** Names everything the picture depends on; the same text gives the same pixels. */
  seed: string
  size: Size
  detail: number
  transparent: boolean
  inputs?: RenderInputs | undefined
}

export interface RenderInputs {
  /** The first input, already in the size of the picture. */
  base: Picture
  /** One byte a pixel; where it is 0 the picture changes, elsewhere it keeps the base exactly. */
  alpha: Buffer | undefined
  /** The further inputs, composed as small insets. */
  insets: readonly Picture[]
}

export async function renderPicture(request: RenderRequest): Promise<Picture> {
  const { inputs, kind } = request
  if (!inputs) return renderScene(request, [])
  if (kind === 'variation') return renderVariation(request, inputs)
  if (inputs.alpha) return renderMaskedEdit(request, inputs, inputs.alpha)
  return renderEdit(request, inputs)
}

/** Insets are a sixth of the shorter side. */
export function insetEdge({ width, height }: Size): number {
  return Math.max(16, Math.round(Math.min(width, height) / 6))
}

function prepareScene(request: RenderRequest): SceneOptions {
  const random = createRandom(request.seed)
  const palette = choosePalette(request.prompt, random)
  return { ...request.size, random, palette, detail: request.detail, backdrop: !request.transparent }
}

async function renderScene(request: RenderRequest, insets: readonly Picture[]): Promise<Picture> {
  const { size } = request
  const scene = sharp(wrapSvg(size, drawScene(prepareScene(request)) + drawMark(size)))
  return toPicture(scene.composite(placeInsets(insets, size)))
}

/** The whole input under a seeded light, with a figure laid over it. */
async function renderEdit(request: RenderRequest, { base, insets }: RenderInputs): Promise<Picture> {
  const { size } = request
  const light = wrapSvg(size, drawScene({ ...prepareScene(request), backdrop: true }))
  const figure = drawScene({ ...prepareScene(request), backdrop: false })
  const top = wrapSvg(size, `<g opacity=".5">${figure}</g>${drawMark(size)}`)
  const edited = openPicture(base).composite([
    { input: light, blend: 'soft-light' },
    { input: top },
    ...placeInsets(insets, size),
  ])
  const picture = await toPicture(edited)
  return request.transparent ? cutOut(picture) : picture
}

/**
 * Only the fully transparent pixels of the mask change: a scene of its own is laid into the box around them,
 * with its mark and insets, and whatever of it lies outside those pixels is not drawn.
 */
async function renderMaskedEdit(
  request: RenderRequest,
  inputs: RenderInputs,
  alpha: Buffer,
): Promise<Picture> {
  const { size } = request
  const area = findEditedArea(alpha, size)
  if (!area) return inputs.base
  const scene = await renderScene({ ...request, size: area }, inputs.insets)
  const pixels = Buffer.from(inputs.base.pixels)
  for (let y = 0; y < area.height; y++) {
    for (let x = 0; x < area.width; x++) {
      const at = (area.top + y) * size.width + area.left + x
      const from = (y * area.width + x) * 4
      if (alpha[at] === 0) scene.pixels.copy(pixels, at * 4, from, from + 4)
    }
  }
  return { ...size, pixels }
}

/** Turned, recoloured and lit anew. */
async function renderVariation(request: RenderRequest, { base }: RenderInputs): Promise<Picture> {
  const { size } = request
  const random = createRandom(request.seed)
  const [angle, hue, zoom] = [random.between(-14, 14), random.integer(30, 330), random.between(1.3, 1.6)]
  const [width, height] = [Math.round(size.width * zoom), Math.round(size.height * zoom)]
  const large = openPicture(base)
    .flop(random.next() < 0.5)
    .resize({ width, height, fit: 'fill' })
  const turned = await toPicture(openPicture(await toPicture(large)).rotate(angle))
  const cropped = openPicture(turned).extract({
    left: Math.floor((turned.width - size.width) / 2),
    top: Math.floor((turned.height - size.height) / 2),
    ...size,
  })
  const lit = await toPicture(cropped.modulate({ hue, saturation: 1.15 }))
  return toPicture(openPicture(lit).composite([{ input: wrapSvg(size, drawMark(size)) }]))
}

async function cutOut(picture: Picture): Promise<Picture> {
  const oval = `<rect x="4%" y="4%" width="92%" height="92%" rx="46%" ry="46%" fill="#fff"/>`
  return toPicture(openPicture(picture).composite([{ input: wrapSvg(picture, oval), blend: 'dest-in' }]))
}

/** In rows from the upper left; those that find no room are left out. */
function placeInsets(insets: readonly Picture[], area: Size): OverlayOptions[] {
  return insets.flatMap(({ width, height, pixels }, at) => {
    const gap = Math.round(width / 8)
    const columns = Math.max(1, Math.floor((area.width - gap) / (width + gap)))
    const left = gap + (at % columns) * (width + gap)
    const top = gap + Math.floor(at / columns) * (height + gap)
    const fits = left + width <= area.width && top + height <= area.height
    return fits ? [{ input: pixels, raw: { width, height, channels: 4 as const }, left, top }] : []
  })
}

interface Area extends Size {
  left: number
  top: number
}

function findEditedArea(alpha: Buffer, { width }: Size): Area | undefined {
  let [left, right, top, bottom] = [width, -1, -1, -1]
  for (let at = alpha.indexOf(0); at !== -1; at = alpha.indexOf(0, at + 1)) {
    const x = at % width
    if (x < left) left = x
    if (x > right) right = x
    bottom = Math.floor(at / width)
    if (top === -1) top = bottom
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 }
}
