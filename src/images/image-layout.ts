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
}

export interface PixelLimits {
  readonly maxPixels: number
  readonly maxEdge: number
}

export interface LayoutOptions {
  readonly limits: PixelLimits
  /** Whether signed provenance (C2PA) stays in the file. */
  readonly keepProvenance: boolean
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

/** Whether the pieces are the file as it is. */
export function isUnchanged(layout: ImageLayout, size: number): boolean {
  const [piece, ...more] = layout.pieces
  return more.length === 0 && piece !== undefined && 'end' in piece && piece.start === 0 && piece.end === size
}
