import type { Readable } from 'node:stream'
import { releasePiece } from '../piece-pool.ts'
import { tooLarge } from './upload.ts'

/**
 * A whole image as base64. It is encoded in groups of three bytes as it is read, so that the pieces join into one text
 * and the bytes are not in memory as well.
 */
export async function encodeBase64(bytes: Readable, maxBytes: number): Promise<string> {
  const parts: string[] = []
  let rest: Buffer = Buffer.alloc(0)
  let byteSize = 0
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    byteSize += chunk.length
    if (byteSize > maxBytes) throw tooLarge(maxBytes, byteSize)
    const joined = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    const whole = joined.length - (joined.length % 3)
    parts.push(joined.toString('base64', 0, whole))
    rest = Buffer.from(joined.subarray(whole))
    releasePiece(chunk)
  }
  parts.push(rest.toString('base64'))
  return parts.join('')
}
