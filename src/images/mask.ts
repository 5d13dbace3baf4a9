import type { MaskCoverage } from '../catalogue/source-facts.ts'
import { EaselError } from '../errors.ts'
import type { Gate } from './gate.ts'
import { openPixels, slotsFor, toPixelError } from './pixels.ts'

export interface MaskFile {
  readonly path: string
  readonly width: number
  readonly height: number
}

/** How much of the alpha channel is compared at a time. */
const stretch = Buffer.alloc(65_536)

/** Which pixels are fully transparent. Only the alpha channel is decoded into memory, one byte for each pixel. */
export async function readCoverage(options: {
  mask: MaskFile
  maxPixels: number
  gate: Gate
  signal?: AbortSignal | undefined
}): Promise<MaskCoverage> {
  const { mask, maxPixels, gate, signal } = options
  const inspect = async (): Promise<MaskCoverage> => {
    const alpha = await readAlpha(mask.path, maxPixels)
    if (!alpha.includes(0)) return 'OPAQUE'
    return isAllZero(alpha) ? 'TRANSPARENT' : 'MIXED'
  }
  return gate.run(inspect, { slots: slotsFor({ ...mask, needsWholePicture: true }), signal })
}

async function readAlpha(path: string, maxPixels: number): Promise<Buffer> {
  try {
    return await openPixels(path, maxPixels).extractChannel('alpha').raw({ depth: 'uchar' }).toBuffer()
  } catch (cause) {
    if (cause instanceof EaselError) throw cause
    throw toPixelError(cause)
  }
}

function isAllZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += stretch.length) {
    const part = bytes.subarray(at, at + stretch.length)
    if (!part.equals(stretch.subarray(0, part.length))) return false
  }
  return true
}
