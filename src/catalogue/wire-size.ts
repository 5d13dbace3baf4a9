export interface Dimensions {
  width: number
  height: number
}

const sizePattern = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/

export function parseSize(size: string): Dimensions | null {
  const match = sizePattern.exec(size)
  return match && { width: Number(match[1]), height: Number(match[2]) }
}

/** `2K`, `16:9`, `landscape_16_9`: what some servers take in place of pixels. A size with a slip in it is none. */
const wordPattern = /^(?!auto$)(?:\d{1,2}(?:\.\d{1,2})?K|\d{1,3}:\d{1,3}|[a-z][\w-]{0,31})$/i

export function isSizeWord(text: string): boolean {
  return wordPattern.test(text)
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
