export interface ByteRange {
  readonly start: number
  /** Inclusive. */
  readonly end: number
}

/**
 * The one range a request asks for (RFC 9110, 14.2). `whole` where there is none, where the header is not understood
 * or where it asks for several: answering with everything is always allowed. `outside` is the 416 case.
 */
export function parseRange(header: string | null, size: number): ByteRange | 'whole' | 'outside' {
  const match = /^bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/.exec(header?.replace(/\s/g, '') ?? '')
  if (!match) return 'whole'
  const [, first, last, suffix] = match
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size)
    return length === 0 ? 'outside' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === undefined ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== undefined && Number(last) < start) return 'whole'
  return start >= size ? 'outside' : { start, end }
}
