import { EaselError } from '../../errors.ts'
import { releasePiece } from '../../piece-pool.ts'
import { Base64Decoder, InvalidBase64 } from './base64-decoder.ts'
import type { ImageSink } from './image-sink.ts'
import type { ReplyRecorder } from './reply-recorder.ts'

/** Where in a document an image stands, as far as it has been read. */
export interface ImagePlace {
  /** The `type` member of the object around it, if it came before. */
  type: string | null
  /** Its position in the list around it, if there is one. */
  index: number | null
}

/**
 * An image within a document that is still being read. Its bytes are on their way into a sink; whether that sink is
 * ended or aborted is decided once the document says what the image is.
 */
export class ImageSlot<T> {
  readonly place: ImagePlace
  readonly #open: () => ImageSink<T> | null
  readonly #recorder: ReplyRecorder | null
  readonly #decoder = new Base64Decoder((piece) => this.#pass(piece))
  #sink: ImageSink<T> | null = null
  #opened = false
  /** The number of the image in the spool of its reply. */
  #spooled: number | null = null
  #settled = false
  /** All of its text has been read. */
  isWhole = false
  /** Why it is not a usable image. */
  fault: Error | null = null

  constructor(place: ImagePlace, open: () => ImageSink<T> | null, recorder: ReplyRecorder | null = null) {
    this.place = place
    this.#open = open
    this.#recorder = recorder
  }

  /** Without a byte of an image: an empty string, or an image that is not needed. */
  get isEmpty(): boolean {
    return this.#sink === null && this.fault === null
  }

  /** The next piece of its base64 text, and the piece of the reply that it was. */
  async write(text: Buffer, raw = text): Promise<void> {
    await this.#guard(async () => {
      const from = this.#decoder.place.position
      await this.#decoder.write(text)
      const { place } = this.#decoder
      if (place.grouped > 0) this.#openSink()
      if (this.#spooled !== null) await this.#recorder?.claim(raw, { image: this.#spooled, from, place })
    })
  }

  async close(): Promise<void> {
    await this.#guard(() => this.#decoder.end())
    if (this.#spooled !== null && !this.fault) await this.#recorder?.endImage()
    this.isWhole = true
  }

  /** The image, or null with `fault` set. */
  async finish(): Promise<{ image: T } | null> {
    let finished: { image: T } | null = null
    await this.#guard(async () => {
      if (this.#sink === null || this.#settled) return
      this.#settled = true
      finished = { image: await this.#sink.end() }
    })
    return finished
  }

  async discard(reason: unknown): Promise<void> {
    if (this.#sink === null || this.#settled) return
    this.#settled = true
    await this.#sink.abort(reason)
  }

  async #pass(bytes: Buffer): Promise<void> {
    this.#openSink()
    if (this.#sink) await this.#sink.write(bytes)
    else releasePiece(bytes)
  }

  #openSink(): void {
    if (this.#opened) return
    this.#opened = true
    this.#sink = this.#open()
    if (this.#recorder) this.#spooled = this.#sink?.keepInSpool?.() ?? null
  }

  /** Bad data of the upstream fails this image only; any other error is Easel's own and is thrown. */
  async #guard(step: () => Promise<void>): Promise<void> {
    if (this.fault) return
    try {
      await step()
    } catch (error) {
      if (!(error instanceof InvalidBase64) && !(error instanceof EaselError)) throw error
      this.fault = error
      // The spool has its text up to here by these bytes alone.
      if (this.#spooled !== null) await this.#decoder.flush()
      await this.discard(error)
    }
  }

  /** Marks it as no image before a byte was decoded. */
  refuse(fault: Error): void {
    this.fault = fault
  }
}
