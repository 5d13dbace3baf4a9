import type { Base64Place } from './base64-decoder.ts'

/** A part of an image: its base64 from one character up to another. */
export interface ImagePart {
  /** The number under which the spool keeps the image. */
  image: number
  from: number
  to: number
}

/** Takes a reply apart: its text as it came, and images that are kept decoded, by what they have in the place. */
export interface RecordedParts {
  write(text: Uint8Array): Promise<void>
  writeImage(part: ImagePart): Promise<void>
}

export interface ClaimedText {
  image: number
  /** The place in the image's base64 at which the text begins, */
  from: number
  /** and the one after it. */
  place: Base64Place
}

/**
 * Records a reply while it is read. A chunk is written once its reader is done with it: all of it as it came, but for
 * text that was decoded into an image that the spool keeps. So text that nobody claims is never lost.
 */
export class ReplyRecorder {
  readonly #parts: RecordedParts
  #chunk: Uint8Array = new Uint8Array()
  /** What is before this in the chunk has been written or claimed. */
  #at = 0
  /** Claimed text that the parts do not have yet. */
  #span: ClaimedText | null = null

  constructor(parts: RecordedParts) {
    this.#parts = parts
  }

  /** Passes chunks on, and writes each of them when the next one is asked for or nothing more is read. */
  async *record(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#chunk = chunk
      this.#at = 0
      try {
        yield chunk
      } finally {
        await this.#writeTo(chunk.length)
      }
    }
  }

  /** Writes the chunk up to the end of a piece of it that has been read. */
  async keep(piece: Uint8Array): Promise<void> {
    await this.#writeTo(this.#offsetOf(piece) + piece.length)
  }

  /** Leaves out a piece of the chunk that went into an image. A piece of other bytes is not the chunk's to leave out. */
  async claim(piece: Uint8Array, { image, from, place }: ClaimedText): Promise<void> {
    const start = this.#offsetOf(piece)
    if (!(start >= this.#at) || start + piece.length > this.#chunk.length) return
    await this.#writeTo(start)
    const span = this.#span
    const goesOn = span?.image === image && span.place.position === from
    if (!goesOn) await this.#split()
    this.#span = { image, from: goesOn ? span.from : from, place }
    this.#at = start + piece.length
  }

  /** The image of the last claim is whole. */
  async endImage(): Promise<void> {
    const span = this.#span
    this.#span = null
    if (span) await this.#writePart(span, span.place.position)
  }

  async #writeTo(end: number): Promise<void> {
    if (!(end > this.#at)) return
    await this.#split()
    const text = this.#chunk.subarray(this.#at, end)
    this.#at = end
    await this.#parts.write(text)
  }

  /** Other text comes before the image is whole: characters that are no byte yet may never become one. */
  async #split(): Promise<void> {
    const span = this.#span
    this.#span = null
    if (!span) return
    const { grouped, rest } = span.place
    await this.#writePart(span, grouped)
    const loose = rest.slice(Math.max(0, span.from - grouped))
    if (loose !== '') await this.#parts.write(Buffer.from(loose, 'latin1'))
  }

  async #writePart({ image, from }: ClaimedText, to: number): Promise<void> {
    if (to > from) await this.#parts.writeImage({ image, from, to })
  }

  /** NaN for bytes that are none of the chunk's. */
  #offsetOf(piece: Uint8Array): number {
    const offset = piece.byteOffset - this.#chunk.byteOffset
    return piece.buffer === this.#chunk.buffer && offset >= 0 ? offset : Number.NaN
  }
}
