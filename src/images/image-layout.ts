import type { EaselError } from '../errors.ts'
import { refusal } from './refusal.ts'

export type ImageMimeType = 'image/png' | 'image/jpeg' | 'image/webp'

/** A stretch of the original file, or bytes that replace one. */
export type Piece = { readonly start: number; readonly end: number } | { readonly bytes: Buffer }

/** What the structure of a file says, without a pixel decoded. */
export interface ImageLayout {
  readonly mimeType: ImageMimeType
  readonly width: number
  readonly height: number
  readonly hasAlpha: boolean
  /** EXIF orientation, 1 to 8; 1 is upright. */
  readonly orientation: number
  /** Whether a decoder must hold the whole picture: interlaced PNG, progressive JPEG, any WebP. */
  readonly needsWholePicture: boolean
  readonly lossless: boolean
  /** In order, the parts that make the same picture without metadata. */
  readonly pieces: readonly Piece[]
  /** Where something was mended that decoders warn of. */
  readonly unproven?: UnprovenCopy
}

/** A copy that a strict decoder must read without a warning before the pieces count as a whole picture. */
export interface UnprovenCopy {
  readonly pieces: readonly Piece[]
  /** Why the file is refused if it warns; null where the picture is whole, and encoding it again mends the rest. */
  readonly refused: EaselError | null
}

export interface PixelLimits {
  readonly maxPixels: number
  readonly maxEdge: number
}

export interface LayoutOptions {
  readonly limits: PixelLimits
  /** Whether signed provenance (C2PA) stays in the file. */
  readonly keepProvenance: boolean
  /** Whether a wrong length of a container is mended; a file that can be saved again is refused. */
  readonly mendsLength?: boolean
}

/** A file of tiny chunks costs far more time than its size suggests; real ones have a few thousand at most. */
export const maxParts = 65_536

export function checkDimensions(width: number, height: number, limits: PixelLimits): void {
  const actual = { width, height }
  if (width < 1 || height < 1) throw refusal('IMAGE_CORRUPT', { because: 'a side of 0 pixels', actual })
  if (width > limits.maxEdge || height > limits.maxEdge || width * height > limits.maxPixels) {
    throw refusal('IMAGE_TOO_LARGE_PIXELS', {
      because: `${width} × ${height}`,
      allowed: { maxPixels: limits.maxPixels, maxEdge: limits.maxEdge },
      actual,
    })
  }
}

/** Collects pieces and joins neighbours, so that a file with nothing to remove is one piece. */
export function createPieceList() {
  const pieces: Piece[] = []
  return {
    pieces,
    keep(start: number, end: number): void {
      const last = pieces.at(-1)
      if (last && 'end' in last && last.end === start) pieces[pieces.length - 1] = { start: last.start, end }
      else pieces.push({ start, end })
    },
    write(bytes: Buffer): void {
      pieces.push({ bytes })
    },
  }
}

/** The pieces with other bytes from one offset of the original file on. */
export function replaceBytes(pieces: readonly Piece[], at: number, bytes: Buffer): Piece[] {
  return pieces.flatMap((piece): Piece[] => {
    if ('bytes' in piece || at < piece.start || at + bytes.length > piece.end) return [piece]
    const after = { start: at + bytes.length, end: piece.end }
    return [{ start: piece.start, end: at }, { bytes }, after]
  })
}

/** Whether the pieces are the file as it is. */
export function isUnchanged(layout: ImageLayout, size: number): boolean {
  const [piece, ...more] = layout.pieces
  return more.length === 0 && piece !== undefined && 'end' in piece && piece.start === 0 && piece.end === size
}
