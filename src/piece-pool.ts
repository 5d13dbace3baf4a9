/** The least that is read or written at a time: a socket's chunk of 64 KB costs as much as all four of a piece. */
export const pieceBytes = 256 * 1024

/** 16 MB. Above that pieces are left to the garbage collector. */
const maxFree = 64

const free: Buffer[] = []
const pieces = new WeakMap<ArrayBufferLike, Buffer>()

/**
 * A buffer of `pieceBytes` with bytes of an earlier use. What is filled into it is handed on as one chunk, and the last
 * one to use that chunk releases it. Memory outside of the heap that is made anew for each piece makes V8 collect the
 * whole heap every few images, which costs more than all else that is done to them.
 */
export function takePiece(): Buffer {
  const known = free.pop()
  if (known) return known
  const piece = Buffer.allocUnsafeSlow(pieceBytes)
  pieces.set(piece.buffer, piece)
  return piece
}

/** Gives the piece back whose bytes these are; other bytes are left alone. Nobody may read or write them any more. */
export function releasePiece(chunk: Uint8Array): void {
  const piece = pieces.get(chunk.buffer)
  if (piece && free.length < maxFree) free.push(piece)
}
