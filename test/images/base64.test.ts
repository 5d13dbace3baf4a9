import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { toBase64Image } from '../../src/images/base64.ts'
import { pieceBytes } from '../../src/piece-pool.ts'

const pieceOf = (bytes: Buffer, chunkBytes: number) => {
  const starts = Array.from(
    { length: Math.ceil(bytes.length / chunkBytes) },
    (_, index) => index * chunkBytes,
  )
  return starts.map((start) => bytes.subarray(start, start + chunkBytes))
}

describe('an image in base64', () => {
  const filling = (pieceBytes / 4) * 3
  it.each([
    [0, 1],
    [1, 1],
    [2, 1],
    [10, 1],
    [11, 2],
    [12, 4],
    [1_000, 7],
    [filling, filling],
    [3 * pieceBytes + 1, pieceBytes],
    [3 * pieceBytes + 2, filling + 1],
  ])('is the same text for %d bytes in chunks of %d', async (byteSize, chunkBytes) => {
    const bytes = randomBytes(byteSize)
    const chunks = pieceOf(bytes, chunkBytes)
    const image = toBase64Image(byteSize, async () => Readable.from(chunks))
    const text = Buffer.concat((await Array.fromAsync(image.read())).map((piece) => Buffer.from(piece)))
    expect(text.toString() === bytes.toString('base64')).toBe(true)
    expect(image.length).toBe(text.length)
  })

  it('is not opened before it is read, and closed by whoever stops reading', async () => {
    const opened: Readable[] = []
    const image = toBase64Image(4 * pieceBytes, async () => {
      const file = Readable.from(pieceOf(Buffer.alloc(4 * pieceBytes), pieceBytes))
      opened.push(file)
      return file
    })
    const text = image.read()
    expect(opened).toEqual([])
    await text.next()
    await text.return()
    expect(opened.map(({ destroyed }) => destroyed)).toEqual([true])
  })
})
