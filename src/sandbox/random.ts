import { createHash } from 'node:crypto'

export interface Random {
  /** From 0 (included) to 1 (excluded). */
  next(): number
  between(low: number, high: number): number
  integer(low: number, high: number): number
  pick<T>(list: readonly [T, ...T[]]): T
}

/** The same text gives the same numbers on every machine (sfc32 seeded by SHA-256). */
export function createRandom(text: string): Random {
  const digest = createHash('sha256').update(text).digest()
  let [a, b, c, d] = [0, 4, 8, 12].map((offset) => digest.readUInt32LE(offset)) as [
    number,
    number,
    number,
    number,
  ]
  const next = () => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number) => low + (high - low) * next()
  const integer = (low: number, high: number) => Math.floor(between(low, high + 1))
  return { next, between, integer, pick: (list) => list[integer(0, list.length - 1)] ?? list[0] }
}
