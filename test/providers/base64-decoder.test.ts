import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Base64Decoder, InvalidBase64 } from '../../src/providers/transport/base64-decoder.ts'

/** More than a piece of the pool. */
const bytes = randomBytes(300_001)

async function decode(text: string, pieceLength: number): Promise<Buffer> {
  const decoded: Buffer[] = []
  const decoder = new Base64Decoder(async (piece) => void decoded.push(piece))
  const all = Buffer.from(text, 'latin1')
  for (let at = 0; at < all.length; at += pieceLength) await decoder.write(all.subarray(at, at + pieceLength))
  await decoder.end()
  return Buffer.concat(decoded)
}

const padded = bytes.toString('base64')
const texts: [name: string, text: string][] = [
  ['with padding', padded],
  ['without padding', padded.replace(/=+$/, '')],
  ['of the url-safe alphabet', bytes.toString('base64url')],
  ['in lines', padded.replace(/.{76}/g, '$&\r\n')],
  ['with spaces around', ` ${padded}\n`],
]

describe('base64', () => {
  test.each(texts)('%s is decoded, however it is cut', async (_, text) => {
    for (const pieceLength of [1, 2, 3, 5, 64, 1_021, 65_536, text.length])
      expect((await decode(text, pieceLength)).equals(bytes), `pieces of ${pieceLength}`).toBe(true)
  })

  test.each([
    ['a foreign character', `${padded.slice(0, 40)}!${padded.slice(40)}`],
    ['a byte above ASCII', `${padded.slice(0, 40)}\u00e9${padded.slice(40)}`],
    ['data after the padding', `${padded}${padded}`],
    ['a single character at its end', 'QUJDQ'],
  ])('with %s is refused, however it is cut', async (_, text) => {
    for (const pieceLength of [1, 3, 4, 64, text.length])
      await expect(decode(text, pieceLength), `pieces of ${pieceLength}`).rejects.toThrow(InvalidBase64)
  })
})
