import type { Palette } from './palette.ts'
import type { Random } from './random.ts'
import type { Size } from './size.ts'

export interface SceneOptions extends Size {
  random: Random
  palette: Palette
  /** More of it for a higher quality; the composition stays the same. */
  detail: number
  /** Without a backdrop only the subject is drawn, for transparent pictures. */
  backdrop: boolean
}

type Draw = (scene: SceneOptions) => string

/** SVG content of a picture; the caller wraps it. */
export function drawScene(scene: SceneOptions): string {
  if (!scene.backdrop) return `${drawDefinitions(scene.palette)}${drawEmblem(scene)}`
  const draw = scene.random.pick<Draw>([drawHills, drawHills, drawWaves, drawPlanets, drawBloom])
  return `${drawDefinitions(scene.palette)}${drawSky(scene)}${draw(scene)}`
}

function drawDefinitions({ sky, glow, accent, dark }: Palette): string {
  const linear = sky.map((color, at) => `<stop offset="${at / 2}" stop-color="${color}"/>`).join('')
  const fade = (id: string, color: string, opacity: number) =>
    `<radialGradient id="${id}"><stop offset="0" stop-color="${color}" stop-opacity="${opacity}"/>` +
    `<stop offset="1" stop-color="${color}" stop-opacity="0"/></radialGradient>`
  const ball =
    `<radialGradient id="ball" cx=".34" cy=".3" r=".8"><stop offset="0" stop-color="${glow}"/>` +
    `<stop offset=".5" stop-color="${accent}"/><stop offset="1" stop-color="${dark}"/></radialGradient>`
  return (
    `<defs><linearGradient id="sky" x2="0" y2="1">${linear}</linearGradient>` +
    `${fade('glow', glow, 0.85)}${fade('haze', accent, 0.5)}${ball}</defs>`
  )
}

function drawSky({ width, height, random }: SceneOptions): string {
  const radius = Math.max(width, height)
  const x = random.between(0.15, 0.85) * width
  return (
    `<rect width="${width}" height="${height}" fill="url(#sky)"/>` +
    circle(x, random.between(0.2, 0.6) * height, radius * 0.7, 'url(#haze)')
  )
}

function drawHills(scene: SceneOptions): string {
  const { width, height, random, palette, detail } = scene
  const edge = Math.min(width, height)
  const [x, y, r] = [
    random.between(0.2, 0.8) * width,
    random.between(0.22, 0.42) * height,
    random.between(0.05, 0.1) * edge,
  ]
  const sun = circle(x, y, r * 5, 'url(#glow)') + circle(x, y, r, palette.glow)
  const count = 3 + detail
  const ridges = Array.from({ length: count }, (_, at) => {
    const depth = (at + 1) / count
    return drawRidge(scene, 0.42 + 0.5 * depth ** 1.2, 0.1 - 0.04 * depth, palette.layer(depth))
  })
  return sun + drawStars(scene, 12 * detail, 0.35) + ridges.join('')
}

function drawRidge(scene: SceneOptions, level: number, rise: number, fill: string): string {
  const { width, height, random } = scene
  const points = 7
  const step = width / (points - 1)
  const heights = Array.from({ length: points }, () => (level - random.between(-0.4, 1) * rise) * height)
  let path = `M0 ${round(heights[0])}`
  for (let at = 1; at < points; at++) {
    const middle = (at - 0.5) * step
    const [from, to] = [round(heights[at - 1]), round(heights[at])]
    path += `C${round(middle)} ${from} ${round(middle)} ${to} ${round(at * step)} ${to}`
  }
  return `<path d="${path}V${height}H0z" fill="${fill}"/>`
}

function drawWaves(scene: SceneOptions): string {
  const { width, height, random, palette, detail } = scene
  const count = 5 + detail * 2
  const bands = Array.from({ length: count }, (_, at) => {
    const depth = at / count
    const fill = at % 3 === 2 ? palette.accent : palette.layer(1 - depth * 0.8)
    return `<g opacity="${round(random.between(0.45, 0.9))}">${drawRidge(scene, 0.15 + 0.85 * depth, 0.16, fill)}</g>`
  })
  return circle(width * 0.5, height * 0.1, width * 0.5, 'url(#glow)') + bands.join('')
}

function drawPlanets(scene: SceneOptions): string {
  const { width, height, random, palette, detail } = scene
  const edge = Math.min(width, height)
  const planet = (low: number, high: number) => {
    const [x, y, r] = [
      random.between(0.15, 0.85) * width,
      random.between(0.2, 0.8) * height,
      random.between(low, high) * edge,
    ]
    const ring = `<ellipse cx="${round(x)}" cy="${round(y)}" rx="${round(r * 1.7)}" ry="${round(r * 0.42)}" fill="none" stroke="${palette.glow}" stroke-opacity=".6" stroke-width="${round(r * 0.07)}" transform="rotate(${round(random.between(-35, 35))} ${round(x)} ${round(y)})"/>`
    return circle(x, y, r * 2.4, 'url(#glow)') + circle(x, y, r, 'url(#ball)') + ring
  }
  const night = `<rect width="${width}" height="${height}" fill="${palette.dark}" fill-opacity=".72"/>`
  const small = Array.from({ length: detail }, () => planet(0.02, 0.06)).join('')
  return night + drawStars(scene, 50 * detail, 1) + small + planet(0.16, 0.26)
}

function drawBloom(scene: SceneOptions): string {
  const { width, height } = scene
  const edge = Math.min(width, height)
  return circle(width / 2, height / 2, edge * 0.6, 'url(#glow)') + drawEmblem(scene)
}

/** Petals around the middle: a subject that stands on its own. */
function drawEmblem({ width, height, random, palette, detail }: SceneOptions): string {
  const edge = Math.min(width, height)
  const [x, y] = [width / 2, height / 2]
  const petals = random.integer(5, 9)
  const rings = 2 + detail
  const drawn = Array.from({ length: rings }, (_, ring) => {
    const reach = (1 - ring / (rings + 1)) * edge * 0.42
    const broad = reach * random.between(0.16, 0.3)
    const turn = random.between(0, 360)
    const fill = ring % 2 === 1 ? palette.accent : palette.layer(ring / rings)
    const leaf = (at: number) =>
      `<ellipse cx="${round(x)}" cy="${round(y - reach / 2)}" rx="${round(broad)}" ry="${round(reach / 2)}" transform="rotate(${round(turn + (360 * at) / petals)} ${round(x)} ${round(y)})"/>`
    return `<g fill="${fill}" fill-opacity=".86">${Array.from({ length: petals }, (_, at) => leaf(at)).join('')}</g>`
  })
  return drawn.join('') + circle(x, y, edge * 0.09, 'url(#ball)')
}

function drawStars({ width, height, random, palette }: SceneOptions, count: number, down: number): string {
  const edge = Math.min(width, height)
  const stars = Array.from({ length: count }, () => {
    const r = random.between(0.0006, 0.0026) * edge
    return circle(random.next() * width, random.next() * height * down, r, palette.glow)
  })
  return `<g opacity=".75">${stars.join('')}</g>`
}

function circle(x: number, y: number, r: number, fill: string): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="${round(r)}" fill="${fill}"/>`
}

function round(value = 0): number {
  return Math.round(value * 100) / 100
}
