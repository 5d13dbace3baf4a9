import type { FileHandle } from 'node:fs/promises'
import { pieceBytes, releasePiece } from '../piece-pool.ts'

/**
 * Writes small chunks into a file in large pieces. The chunks must not change after they were given; those that are
 * pieces of the pool are released once they are written.
 */
export class PieceWriter {
  readonly #file: FileHandle
  #chunks: Uint8Array[] = []
  #byteLength = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk)
    this.#byteLength += chunk.length
    if (this.#byteLength >= pieceBytes) await this.flush()
  }

  /** Writes what has been given so far. */
  async flush(): Promise<void> {
    const chunks = this.#chunks
    this.#chunks = []
    this.#byteLength = 0
    let rest = chunks
    // One call may write only a part.
    while (rest.length > 0) rest = skip(rest, (await this.#file.writev(rest)).bytesWritten)
    chunks.forEach(releasePiece)
  }
}

function skip(chunks: readonly Uint8Array[], byteLength: number): Uint8Array[] {
  let left = byteLength
  return chunks.flatMap((chunk) => {
    const rest = chunk.subarray(Math.min(left, chunk.length))
    left -= chunk.length - rest.length
    return rest.length > 0 ? [rest] : []
  })
}
