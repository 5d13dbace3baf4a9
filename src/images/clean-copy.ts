import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { releasePiece, takePiece } from '../piece-pool.ts'
import type { ImageLayout, Piece } from './image-layout.ts'
import { openPixels, toPixelError } from './pixels.ts'
import { refusal } from './refusal.ts'

export interface FileDigest {
  readonly sha256: string
  readonly byteSize: number
}

/** Writes all of `bytes`: one write call may take only a part of them. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten
  }
}

/** Copies the pieces of a file into a new one, through one small buffer and without touching a pixel. */
export async function copyPieces(options: {
  from: string
  to: string
  pieces: readonly Piece[]
  signal?: AbortSignal | undefined
}): Promise<FileDigest> {
  const hash = createHash('sha256')
  let byteSize = 0
  await using source = await open(options.from, 'r')
  await using target = await open(options.to, 'wx', 0o600)
  for await (const bytes of readPieces(source, options.pieces)) {
    options.signal?.throwIfAborted()
    hash.update(bytes)
    await writeAll(target, bytes)
    byteSize += bytes.length
  }
  return { sha256: hash.digest('hex'), byteSize }
}

/** What is yielded is valid until the next step. */
async function* readPieces(handle: FileHandle, pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  const buffer = takePiece()
  for (const piece of pieces) {
    if ('bytes' in piece) {
      yield piece.bytes
      continue
    }
    for (let at = piece.start; at < piece.end; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, piece.end - at), at)
      if (bytesRead === 0) throw refusal('IMAGE_TRUNCATED')
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  }
  releasePiece(buffer)
}

export async function digestFile(path: string): Promise<FileDigest> {
  const hash: Hash = createHash('sha256')
  await using handle = await open(path, 'r')
  const { size } = await handle.stat()
  for await (const bytes of readPieces(handle, [{ start: 0, end: size }])) hash.update(bytes)
  return { sha256: hash.digest('hex'), byteSize: size }
}

/** Sharp would make sRGB of 8 bits of them, to which a profile for grey does not belong. */
const ownSpaces: ReadonlySet<string> = new Set(['b-w', 'grey16', 'rgb16'])

/**
 * Turns the picture the way its EXIF orientation asks for and encodes it again in its own format: once the metadata
 * is gone nothing else says which side is up. The colour profile stays, except in CMYK, which becomes sRGB.
 */
export async function writeUpright(options: {
  from: string
  to: string
  layout: ImageLayout
  maxPixels: number
}): Promise<void> {
  const { from, to, layout, maxPixels } = options
  // A file that proved to be whole may end without a word, which is an error to a decoder.
  const failOn = layout.unproven?.refused ? 'none' : 'error'
  const { space } = await openPixels(from, maxPixels, failOn).metadata()
  const upright = openPixels(from, maxPixels, failOn).autoOrient()
  if (space !== 'cmyk') upright.keepIccProfile()
  if (space && ownSpaces.has(space)) upright.toColourspace(space)
  if (layout.mimeType === 'image/png') upright.png()
  else if (layout.mimeType === 'image/webp') upright.webp({ quality: 95, lossless: layout.lossless })
  // 95 without chroma subsampling is past the point where people see a difference. Optimised tables would save a few
  // percent of the file, but libjpeg then holds all coefficients: 690 MB instead of 180 for 42 million pixels.
  else upright.jpeg({ quality: 95, chromaSubsampling: '4:4:4', optimiseCoding: false })
  await upright.toFile(to).catch((cause) => {
    throw toPixelError(cause)
  })
}
