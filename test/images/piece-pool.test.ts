import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PieceStream } from '../../src/images/piece-stream.ts'
import { PieceWriter } from '../../src/images/piece-writer.ts'
import { pieceBytes, releasePiece, takePiece } from '../../src/piece-pool.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'

let folder: string

beforeAll(async () => {
  folder = await makeFolder()
})
afterAll(() => removeFolder(folder))

describe('a piece of memory', () => {
  test('is used again once it was given back', () => {
    const piece = takePiece()
    expect(takePiece()).not.toBe(piece)
    releasePiece(piece.subarray(100, 200))
    expect(takePiece()).toBe(piece)
  })

  test('is not taken from others: bytes that lie elsewhere are left alone', () => {
    const foreign = Buffer.alloc(pieceBytes)
    releasePiece(foreign)
    expect(takePiece()).not.toBe(foreign)
  })
})

describe('a file in pieces', () => {
  const bytes = Buffer.from(Array.from({ length: 2 * pieceBytes + 77 }, (_, at) => at % 251))

  test('is written whole, and the pieces of its chunks are given back', async () => {
    const path = join(folder, 'written')
    await using file = await open(path, 'w')
    const writer = new PieceWriter(file)
    const piece = takePiece()
    bytes.copy(piece)
    await writer.write(piece.subarray(0, 50_000))
    for (let at = 50_000; at < bytes.length; at += 50_000) await writer.write(bytes.subarray(at, at + 50_000))
    await writer.flush()
    expect((await readFile(path)).equals(bytes)).toBe(true)
    expect(takePiece()).toBe(piece)
  })

  test('is read whole or in part by many at once, each of whom gives back what it has read', async () => {
    const path = join(folder, 'read')
    await writeFile(path, bytes)
    const ranges = [
      { start: 0, end: Number.MAX_SAFE_INTEGER },
      { start: 0, end: bytes.length - 1 },
      { start: 1_000, end: pieceBytes + 1_000 },
      { start: 5, end: 5 },
    ]
    const read = await Promise.all(
      [...ranges, ...ranges, ...ranges].map(async (range) => {
        const chunks: Buffer[] = []
        for await (const chunk of new PieceStream(await open(path), range)) {
          chunks.push(Buffer.from(chunk))
          releasePiece(chunk)
        }
        return Buffer.concat(chunks).equals(bytes.subarray(range.start, range.end + 1))
      }),
    )
    expect(read).toEqual(read.map(() => true))
  })

  test('is closed when its reader leaves', async () => {
    const path = join(folder, 'left')
    await writeFile(path, bytes)
    const file = await open(path)
    const stream = new PieceStream(file, { start: 0, end: bytes.length - 1 })
    const closed = new Promise((resolve) => stream.once('close', resolve))
    for await (const chunk of stream) {
      expect(chunk).toHaveLength(pieceBytes)
      break
    }
    await closed
    expect(file.fd).toBe(-1)
  })
})
