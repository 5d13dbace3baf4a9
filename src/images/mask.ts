import { EaselError } from '../errors.ts'
import type { Gate } from './gate.ts'
import { openPixels, slotsFor, toPixelError } from './pixels.ts'
import { refusal } from './refusal.ts'

export interface Size {
  readonly width: number
  readonly height: number
}

export interface MaskFile extends Size {
  readonly path: string
  readonly mimeType: string
  readonly hasAlpha: boolean
}

/** How much of the alpha channel is compared at a time. */
const stretch = Buffer.alloc(65_536)

/** What its header tells: format, alpha channel and size. */
export function checkMaskShape(mask: Omit<MaskFile, 'path'>, first: Size): void {
  if (mask.mimeType !== 'image/png') {
    throw refusal('MASK_NOT_PNG', { allowed: ['image/png'], actual: mask.mimeType })
  }
  if (!mask.hasAlpha) throw refusal('MASK_WITHOUT_ALPHA')
  if (mask.width !== first.width || mask.height !== first.height) {
    throw refusal('MASK_SIZE_MISMATCH', {
      allowed: { width: first.width, height: first.height },
      actual: { width: mask.width, height: mask.height },
    })
  }
}

/** What its pixels tell. Only the alpha channel is decoded into memory, one byte for each pixel. */
export async function checkMaskPixels(options: {
  mask: MaskFile
  maxPixels: number
  gate: Gate
  signal?: AbortSignal | undefined
}): Promise<void> {
  const { mask, maxPixels, gate, signal } = options
  const inspect = async () => {
    const alpha = await readAlpha(mask.path, maxPixels)
    if (!alpha.includes(0)) throw refusal('MASK_FULLY_OPAQUE')
    if (isAllZero(alpha)) throw refusal('MASK_FULLY_TRANSPARENT')
  }
  await gate.run(inspect, { slots: slotsFor({ ...mask, needsWholePicture: true }), signal })
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
