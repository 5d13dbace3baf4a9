import type { Random } from './random.ts'

export interface Palette {
  /** From the top of the picture to its horizon. */
  sky: readonly [string, string, string]
  glow: string
  accent: string
  dark: string
  /** From far (0) to near (1). */
  layer(depth: number): string
}

/** A colour named in the prompt is the colour of the picture. */
const hues: readonly (readonly [RegExp, number])[] = [
  [/\b(red|rose|ruby|fire|crimson)\b/i, 355],
  [/\b(orange|fox|autumn|sunset|copper)\b/i, 22],
  [/\b(gold|golden|yellow|sun|sand|desert|honey)\b/i, 44],
  [/\b(green|forest|grass|moss|emerald|leaf)\b/i, 130],
  [/\b(teal|turquoise|mint|lagoon)\b/i, 172],
  [/\b(blue|sea|ocean|sky|ice|water)\b/i, 212],
  [/\b(purple|violet|lavender|night|galaxy)\b/i, 268],
  [/\b(pink|magenta|blossom|flamingo)\b/i, 326],
]

export function choosePalette(prompt: string, random: Random): Palette {
  const named = hues.find(([word]) => word.test(prompt))
  const hue = named ? named[1] + random.between(-8, 8) : random.between(0, 360)
  const turn = random.pick(named ? [-30, -18, 18, 30] : [-60, -38, 32, 48, 150, 180])
  const night = random.next() < 0.3
  const top = night ? 14 : 44
  return {
    sky: [
      toHex(hue, 62, top),
      toHex(hue + turn * 0.45, 58, top + 18),
      toHex(hue + turn, 78, night ? 52 : 82),
    ],
    glow: toHex(hue + turn, 95, 88),
    accent: toHex(named ? hue : hue + 180 + turn / 2, 72, 60),
    dark: toHex(hue, 45, 12),
    layer: (depth) => toHex(hue + turn * (1 - depth) * 0.8, 34 + 22 * depth, 62 - 50 * depth),
  }
}

function toHex(hue: number, saturation: number, lightness: number): string {
  const l = lightness / 100
  const amplitude = (saturation / 100) * Math.min(l, 1 - l)
  const channel = (offset: number) => {
    const k = (((offset + hue / 30) % 12) + 12) % 12
    const value = l - amplitude * Math.max(-1, Math.min(k - 3, 9 - k, 1))
    return Math.round(255 * value)
      .toString(16)
      .padStart(2, '0')
  }
  return `#${channel(0)}${channel(8)}${channel(4)}`
}
