export interface Dimensions {
  width: number
  height: number
}

const sizePattern = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/

export function parseSize(size: string): Dimensions | null {
  const match = sizePattern.exec(size)
  return match && { width: Number(match[1]), height: Number(match[2]) }
}

/** The two numbers without their common factor: 1536x1024 is 3:2. */
export function reduceRatio({ width, height }: Dimensions): Dimensions {
  let [a, b] = [width, height]
  while (b > 0) [a, b] = [b, a % b]
  return { width: width / a, height: height / a }
}

interface SizeCapabilities {
  size: { type: string } | null
  autoSize: boolean
}

/** The size as the upstream wants it, or null to leave it out. */
export function toWireSize(size: string | null, { size: rule, autoSize }: SizeCapabilities): string | null {
  if (size === null || rule === null) return null
  if (size === 'auto') return autoSize ? 'auto' : null
  const dimensions = rule.type === 'ratio' ? parseSize(size) : null
  if (!dimensions) return size
  const { width, height } = reduceRatio(dimensions)
  return `${width}x${height}`
}
