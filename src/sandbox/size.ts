import type { SandboxModel } from './models.ts'
import { refuseChoice, refuseInvalid } from './wire-error.ts'

export interface Size {
  width: number
  height: number
}

const maxEdge = 3840
const minPixels = 655_360
const maxPixels = 8_294_400
/** gpt-image-2 answers `auto` with the area of 1024x1536: a square one is 1254x1254, which breaks its own rule. */
const autoPixels = 1024 * 1536

export function parseSize(value: string): Size | undefined {
  const match = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(value)
  return match ? { width: Number(match[1]), height: Number(match[2]) } : undefined
}

export function formatSize({ width, height }: Size): string {
  return `${width}x${height}`
}

/** The asked size, or `auto`; throws what the model refuses. */
export function checkSize(model: SandboxModel, value: string): Size | 'auto' {
  if (model.sizes !== 'free') {
    if (!model.sizes.includes(value)) throw refuseChoice('size', value, model.sizes)
    return parseSize(value) ?? 'auto'
  }
  if (value === 'auto') return 'auto'
  const size = parseSize(value)
  if (!size) throw refuseInvalid('size', `Invalid size '${value}'. Expected 'auto' or WIDTHxHEIGHT.`)
  const fault = findSizeFault(size)
  if (fault) throw refuseInvalid('size', `Invalid size '${value}'. ${fault}`)
  return size
}

function findSizeFault({ width, height }: Size): string | undefined {
  const pixels = width * height
  if (width % 16 !== 0 || height % 16 !== 0) return 'Width and height must both be divisible by 16.'
  if (Math.max(width, height) > maxEdge) return `The longest edge must be at most ${maxEdge} pixels.`
  if (Math.max(width, height) > 3 * Math.min(width, height)) return 'The aspect ratio must be at most 3:1.'
  if (pixels < minPixels || pixels > maxPixels) {
    return `The number of pixels must be between ${minPixels} and ${maxPixels}.`
  }
  return undefined
}

/** `auto` follows the first input's shape, or is square. */
export function chooseSize(model: SandboxModel, input: Size | undefined): Size {
  const ratio = input ? input.width / input.height : 1
  if (model.sizes === 'free') return sizeOfArea(autoPixels, Math.min(3, Math.max(1 / 3, ratio)))
  if (ratio > 1.1) return { width: 1536, height: 1024 }
  if (ratio < 0.9) return { width: 1024, height: 1536 }
  return { width: 1024, height: 1024 }
}

export function sizeOfArea(pixels: number, ratio: number): Size {
  const height = Math.max(1, Math.floor(Math.sqrt(pixels / ratio)))
  return { width: Math.max(1, Math.floor(height * ratio)), height }
}
