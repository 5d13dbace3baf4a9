/** The widths that callers may name. */
export const variantWidths = { min: 16, max: 4096 } as const

/** The widths in which copies are made. */
export const madeWidths = [64, 160, 320, 480, 720, 1080, 1600, 2400, 4096] as const

/** The next width in which copies are made: whoever names every width has one copy made for each of these. */
export function roundWidth(width: number): number {
  return madeWidths.find((made) => made >= width) ?? variantWidths.max
}
