/** The facts of a source image that rules and prices need. */
export interface SourceFacts {
  mimeType: 'image/png' | 'image/jpeg' | 'image/webp'
  byteSize: number
  width: number
  height: number
  hasAlpha: boolean
}

/** Which pixels of a mask are fully transparent: none, all, or some. */
export type MaskCoverage = 'OPAQUE' | 'TRANSPARENT' | 'MIXED'

export interface MaskFacts extends SourceFacts {
  /** Not known before the file has been decoded. */
  coverage?: MaskCoverage
}
