import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pieceBytes, takePiece } from '../piece-pool.ts'

export interface FileRange {
  readonly start: number
  /** The last byte. */
  readonly end: number
}

/**
 * The bytes of a file, in pieces; the file is closed with the stream. Whoever is done with a chunk may release its piece
 * (`releasePiece`).
 */
export class PieceStream extends Readable {
  readonly #file: FileHandle
  readonly #end: number
  #at: number

  constructor(file: FileHandle, { start, end, signal }: FileRange & { signal?: AbortSignal | undefined }) {
    super({ highWaterMark: pieceBytes, ...(signal ? { signal } : {}) })
    this.#file = file
    this.#at = start
    this.#end = end
  }

  override _read(): void {
    this.#readPiece().then(
      (bytes) => this.push(bytes),
      (error) => this.destroy(error),
    )
  }

  async #readPiece(): Promise<Buffer | null> {
    const wanted = Math.min(pieceBytes, this.#end + 1 - this.#at)
    if (wanted <= 0) return null
    const piece = takePiece()
    const { bytesRead } = await this.#file.read(piece, 0, wanted, this.#at)
    if (bytesRead === 0) return null
    this.#at += bytesRead
    return piece.subarray(0, bytesRead)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#file.close().then(
      () => done(error),
      (fault) => done(error ?? fault),
    )
  }
}
