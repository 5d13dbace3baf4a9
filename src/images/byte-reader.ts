import type { FileHandle } from 'node:fs/promises'
import { pieceBytes } from '../piece-pool.ts'
import { refusal } from './refusal.ts'

/** The largest part of a file that is ever in memory while its structure is read. */
export const windowBytes = pieceBytes

/** Bounds-checked random access to a file. What it returns is valid until the next call. */
export interface ByteReader {
  readonly size: number
  /** Exactly `length` bytes; a file that ends earlier is refused as truncated. */
  read(offset: number, length: number): Promise<Buffer>
  /** At least one and at most `windowBytes` bytes from `offset` on; a file that ends there is refused. */
  window(offset: number): Promise<Buffer>
}

/** Many small reads near each other cost one system call: they come out of the buffer, which is the reader's alone. */
export function readFileBytes(handle: FileHandle, size: number, buffer: Buffer): ByteReader {
  let start = 0
  let end = 0
  const load = async (offset: number) => {
    start = offset
    end = offset
    while (end < size && end - start < buffer.length) {
      const { bytesRead } = await handle.read(buffer, end - start, buffer.length - (end - start), end)
      if (bytesRead === 0) break
      end += bytesRead
    }
  }
  return {
    size,
    async read(offset, length) {
      if (length > windowBytes) throw new RangeError(`${length} bytes do not fit the window`)
      if (offset + length > size) throw refusal('IMAGE_TRUNCATED')
      if (offset < start || offset + length > end) await load(offset)
      if (offset + length > end) throw refusal('IMAGE_TRUNCATED')
      return buffer.subarray(offset - start, offset - start + length)
    },
    async window(offset) {
      if (offset >= size) throw refusal('IMAGE_TRUNCATED')
      if (offset < start || offset >= end) await load(offset)
      if (offset >= end) throw refusal('IMAGE_TRUNCATED')
      return buffer.subarray(offset - start, end - start)
    },
  }
}
