const coefficients = 64

/** One scan as its header has it (ITU T.81, B.2.3). */
export interface Scan {
  readonly components: readonly number[]
  /** The first and the last coefficient of its blocks. */
  readonly first: number
  readonly last: number
  /** How many low bits of them it leaves to later scans. */
  readonly missingBits: number
}

/** The scan whose header has this data; null where the header is malformed. */
export function parseScan(data: Buffer): Scan | null {
  const count = data[0] ?? 0
  if (data.length !== 4 + 2 * count) return null
  const components = Array.from({ length: count }, (_, index) => data[1 + 2 * index] ?? 0)
  const [first = 0, last = 0, bits = 0] = data.subarray(1 + 2 * count)
  return { components, first, last: Math.min(last, coefficients - 1), missingBits: bits & 0x0f }
}

/** Which coefficients of a JPEG have come, and how exactly. */
export class ScanCoverage {
  readonly #missingBits = new Map<number, Int8Array>()
  readonly #components: number

  constructor(components: number) {
    this.#components = components
  }

  add({ components, first, last, missingBits }: Scan): void {
    for (const component of components) {
      const bits = this.#missingBits.get(component) ?? new Int8Array(coefficients).fill(-1)
      this.#missingBits.set(component, bits.fill(missingBits, first, last + 1))
    }
  }

  /** Whether no scan is missing. Only a decoder knows whether the last one is whole. */
  isWhole(): boolean {
    const all = [...this.#missingBits.values()]
    return all.length >= this.#components && all.every((bits) => bits.every((missing) => missing === 0))
  }
}
