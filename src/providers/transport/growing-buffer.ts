/** Bytes that are collected one by one, up to a limit. */
export class GrowingBuffer {
  readonly #maxBytes: number
  readonly #onOverflow: () => Error
  #bytes: Buffer = Buffer.alloc(1024)
  #total = 0
  length = 0

  constructor(maxBytes: number, onOverflow: () => Error) {
    this.#maxBytes = maxBytes
    this.#onOverflow = onOverflow
  }

  get last(): number | undefined {
    return this.length === 0 ? undefined : this.#bytes[this.length - 1]
  }

  push(byte: number): void {
    this.#total += 1
    if (this.#total > this.#maxBytes) throw this.#onOverflow()
    if (this.length === this.#bytes.length) {
      const larger = Buffer.alloc(this.#bytes.length * 2)
      this.#bytes.copy(larger)
      this.#bytes = larger
    }
    this.#bytes[this.length++] = byte
  }

  /** Characters up to U+00FF, one byte each. */
  pushLatin1(text: string): void {
    for (let at = 0; at < text.length; at++) this.push(text.charCodeAt(at))
  }

  toString(from = 0): string {
    return this.#bytes.toString('utf8', from, this.length)
  }

  /** Forgets the content; the limit goes on counting. */
  clear(): void {
    this.length = 0
  }
}
