import type { Readable } from 'node:stream'
import { pieceBytes, releasePiece, takePiece } from '../piece-pool.ts'

/** An image whose text in base64 has a known length and is made only while it is sent. */
export interface Base64Image {
  /** Characters, each of one byte. */
  readonly length: number
  /** The text, piece by piece: none is made before it is asked for. Whoever sent a piece may release it. */
  read(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>
}

export function toBase64Image(
  byteSize: number,
  open: (signal?: AbortSignal) => Promise<Readable>,
): Base64Image {
  return {
    length: Math.ceil(byteSize / 3) * 4,
    async *read(signal) {
      yield* encodeBase64(await open(signal))
    },
  }
}

/** So many bytes fill one piece with their text. */
const filling = (pieceBytes / 4) * 3

/**
 * Bytes become text in groups of three. Only the one or two that are left of a chunk are joined with the next one, so that
 * no chunk is copied.
 */
async function* encodeBase64(bytes: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    const start = rest.length > 0 ? Math.min(3 - rest.length, chunk.length) : 0
    const first = Buffer.concat([rest, chunk.subarray(0, start)])
    if (first.length % 3 === 0) {
      const end = chunk.length - ((chunk.length - start) % 3)
      yield* encodeGroups(first, chunk.subarray(start, end))
      rest = Buffer.from(chunk.subarray(end))
    } else rest = first
    releasePiece(chunk)
  }
  yield* encodeGroups(rest, Buffer.alloc(0))
}

function* encodeGroups(first: Buffer, others: Buffer): Generator<Uint8Array> {
  let text = first.toString('base64')
  for (let at = 0; at < others.length || text !== ''; ) {
    const end = Math.min(at + filling - first.length, others.length)
    text += others.toString('base64', at, end)
    const piece = takePiece()
    yield piece.subarray(0, piece.write(text, 'latin1'))
    at = end
    text = ''
  }
}
