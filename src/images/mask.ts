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

/** Which pixels are fully transparent. Only the alpha channel is decoded into memory, in as many bits as it has. */
export async function readCoverage(options: {
  mask: MaskFile
  /** Brings the file once it is the mask's turn: masks that wait take no room on the disk. */
  fetch?: () => Promise<void>
  maxPixels: number
  gate: Gate
  userId?: string | undefined
  signal?: AbortSignal | undefined
}): Promise<MaskCoverage> {
  const { mask, fetch, maxPixels, gate, userId, signal } = options
  const inspect = async (): Promise<MaskCoverage> => {
    await fetch?.()
    const alpha = await readAlpha(mask.path, maxPixels)
    if (!alpha.includes(0)) return 'OPAQUE'
    return isAllZero(alpha) ? 'TRANSPARENT' : 'MIXED'
  }
  return gate.run(inspect, { slots: slotsFor({ ...mask, needsWholePicture: true }), userId, signal })
}

async function readAlpha(path: string, maxPixels: number): Promise<Uint8Array | Uint16Array> {
  try {
    const { depth } = await openPixels(path, maxPixels).metadata()
    const alpha = openPixels(path, maxPixels).extractChannel('alpha')
    if (depth !== 'ushort') return await alpha.raw({ depth: 'uchar' }).toBuffer()
    const { buffer, byteOffset, length } = await alpha
      .toColourspace('grey16')
      .raw({ depth: 'ushort' })
      .toBuffer()
    return new Uint16Array(buffer, byteOffset, length / 2)
  } catch (cause) {
    if (cause instanceof EaselError) throw cause
    throw toPixelError(cause)
  }
}

function isAllZero({ buffer, byteOffset, byteLength }: Uint8Array | Uint16Array): boolean {
  for (let at = 0; at < byteLength; at += stretch.length) {
    const part = Buffer.from(buffer, byteOffset + at, Math.min(stretch.length, byteLength - at))
    if (!part.equals(stretch.subarray(0, part.length))) return false
  }
  return true
}
