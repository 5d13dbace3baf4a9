import { randomUUID } from 'node:crypto'
import { GrowingBuffer } from './growing-buffer.ts'
import type { ImageSink } from './image-sink.ts'
import { type ImagePlace, ImageSlot } from './image-slot.ts'
import { BrokenText, ImageText } from './image-text.ts'
import type { ReplyRecorder } from './reply-recorder.ts'
import { toStorable } from './storable-text.ts'

export interface JsonReaderOptions<T> {
  /** Members whose text is an image in base64, or a `data:` address of one. */
  imageKeys: readonly string[]
  /**
   * Members whose text is an image only if it is a `data:` address or begins as the base64 of one. The texts of a list
   * belong to the member that the list is; those of a list that is no member, to ''.
   */
  addressKeys: readonly string[]
  /** Null leaves the image out. */
  openImage(place: ImagePlace): ImageSink<T> | null
  maxTextBytes: number
  /** Records the reply that is read. */
  recorder?: ReplyRecorder | undefined
}

export class MalformedJson extends Error {}
/** The JSON was well-formed up to its end. */
export class TruncatedJson extends MalformedJson {}
export class JsonTooLarge extends Error {}

const maxDepth = 64
const maxKeyBytes = 4096
const space = 0x20
const quote = 0x22
const backslash = 0x5c
/** As long as `data:` and `http:`: enough to tell an address from base64. */
const peekLength = 5
/** PNG, JPEG, GIF, WebP and AVIF in base64. */
const imageStart = /^(?:iVBOR|\/9j\/|R0lGO|UklGR|AAAA[A-Z])/

interface Frame {
  isObject: boolean
  expectsKey: boolean
  key: string
  index: number
  type: string | null
}

type State = 'structure' | 'text' | 'textEscape' | 'peek' | 'image'

/**
 * Reads JSON as it arrives without ever holding an image. The bytes of images go through a decoder into their sinks;
 * everything else is copied, with a mark in the place of each image, and parsed by `JSON.parse` once the document is
 * whole. Several documents may follow each other.
 */
export class JsonReader<T> {
  readonly #options: JsonReaderOptions<T>
  readonly #mark = `image:${randomUUID()}:`
  readonly #documents: unknown[] = []
  readonly #slots: ImageSlot<T>[] = []
  readonly #text: GrowingBuffer
  #frames: Frame[] = []
  #state: State = 'structure'
  #textStart = 0
  #isKey = false
  #peeked = ''
  #image: ImageText<T> | null = null

  constructor(options: JsonReaderOptions<T>) {
    this.#options = options
    this.#text = new GrowingBuffer(options.maxTextBytes, () => new JsonTooLarge('The JSON is too large'))
  }

  /** The documents that are whole by now. */
  get documents(): readonly unknown[] {
    return this.#documents
  }

  /** Every image seen so far, in order. */
  get slots(): readonly ImageSlot<T>[] {
    return this.#slots
  }

  async write(chunk: Uint8Array): Promise<void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let at = 0
    while (at < bytes.length) {
      if (this.#image) at = await this.#readImage(this.#image, bytes, at)
      else if (this.#state === 'text') at = this.#readText(bytes, at)
      else if (this.#state === 'structure') at = this.#readStructures(bytes, at)
      else at = this.#readOne(bytes[at] as number, at)
    }
  }

  /** All documents. Throws when the last one is not whole. */
  end(): readonly unknown[] {
    if (this.#state !== 'structure' || this.#frames.length > 0)
      throw new TruncatedJson('The JSON ends too early')
    if (this.#text.toString().trim() !== '') this.#finishDocument()
    return this.#documents
  }

  async discard(reason: unknown): Promise<void> {
    for (const slot of this.#slots) await slot.discard(reason)
  }

  #readOne(byte: number, at: number): number {
    if (this.#state === 'peek') return this.#peek(byte, at)
    this.#text.push(byte)
    this.#state = 'text'
    return at + 1
  }

  #readStructures(bytes: Buffer, from: number): number {
    let at = from
    while (at < bytes.length && this.#state === 'structure') this.#readStructure(bytes[at++] as number)
    return at
  }

  #readStructure(byte: number): void {
    const top = this.#frames.at(-1)
    switch (byte) {
      case quote:
        this.#startText(top)
        return
      case 0x7b:
      case 0x5b:
        this.#text.push(byte)
        if (this.#frames.length === maxDepth) throw new JsonTooLarge('The JSON is nested too deeply')
        this.#frames.push({
          isObject: byte === 0x7b,
          expectsKey: byte === 0x7b,
          key: '',
          index: 0,
          type: null,
        })
        return
      case 0x7d:
      case 0x5d:
        this.#text.push(byte)
        if (!top || top.isObject !== (byte === 0x7d)) throw new MalformedJson('A bracket closes nothing')
        this.#frames.pop()
        if (this.#frames.length === 0) this.#finishDocument()
        return
      case 0x2c:
        if (top) {
          top.expectsKey = top.isObject
          top.index += 1
        }
        break
      case 0x3a:
        if (top) top.expectsKey = false
    }
    this.#pushOutside(byte)
  }

  #startText(top: Frame | undefined): void {
    this.#isKey = top?.isObject === true && top.expectsKey
    const { imageKeys, addressKeys } = this.#options
    const key = this.#key()
    const mayBeImage =
      top && !this.#isKey && ((top.isObject && imageKeys.includes(key)) || addressKeys.includes(key))
    this.#peeked = ''
    this.#state = mayBeImage ? 'peek' : 'text'
    if (!mayBeImage) this.#openText()
  }

  /** Of the member that a text belongs to. */
  #key(): string {
    const top = this.#frames.at(-1)
    return (top?.isObject ? top : this.#frames.at(-2))?.key ?? ''
  }

  #openText(): void {
    this.#textStart = this.#text.length
    this.#text.push(quote)
    this.#state = 'text'
  }

  #readText(bytes: Buffer, from: number): number {
    let at = from
    while (at < bytes.length) {
      const byte = bytes[at] as number
      this.#text.push(byte)
      at += 1
      if (byte === quote) {
        this.#endText()
        return at
      }
      if (byte === backslash) {
        this.#state = 'textEscape'
        return at
      }
    }
    return at
  }

  #endText(): void {
    this.#state = 'structure'
    const top = this.#frames.at(-1)
    if (!top?.isObject || (!this.#isKey && top.key !== 'type')) return
    const bytes = this.#text.length - this.#textStart
    if (bytes > maxKeyBytes) {
      if (this.#isKey) throw new JsonTooLarge('A JSON key is too long')
      return
    }
    const text = parse(this.#text.toString(this.#textStart)) as string
    if (this.#isKey) top.key = text
    else top.type = text
  }

  /** Tells base64 from an address by the first characters; neither has an escape among them. */
  #peek(byte: number, at: number): number {
    const isEnd = byte === quote || byte === backslash || this.#peeked.length === peekLength
    if (!isEnd) {
      this.#peeked += String.fromCharCode(byte)
      return at + 1
    }
    const start = this.#peeked.toLowerCase()
    const isAddress = start === 'http:' || start === 'https'
    const isDataAddress = start === 'data:'
    const isImageKey = this.#options.imageKeys.includes(this.#key())
    if (isDataAddress || imageStart.test(this.#peeked) || (isImageKey && !isAddress)) {
      this.#state = 'image'
      this.#image = new ImageText(this.#openSlot(), { start: this.#peeked, isDataAddress })
    } else {
      this.#openText()
      this.#text.pushLatin1(this.#peeked)
    }
    return at
  }

  #openSlot(): ImageSlot<T> {
    const frame = this.#frames.at(-1)
    const list = this.#frames.findLast(({ isObject }) => !isObject)
    const place: ImagePlace = { type: frame?.type ?? null, index: list?.index ?? null }
    const { openImage, recorder } = this.#options
    const slot = new ImageSlot<T>(place, () => openImage(place), recorder)
    this.#slots.push(slot)
    return slot
  }

  async #readImage(image: ImageText<T>, bytes: Buffer, from: number): Promise<number> {
    const { at, isEnd } = await image.read(bytes, from).catch((error) => {
      throw error instanceof BrokenText ? new MalformedJson(error.message) : error
    })
    if (isEnd) {
      this.#image = null
      this.#state = 'structure'
      this.#text.pushLatin1(JSON.stringify(`${this.#mark}${this.#slots.length - 1}`))
    }
    return at
  }

  #finishDocument(): void {
    const text = this.#text.toString()
    this.#text.clear()
    const slots = this.#slots
    this.#documents.push(
      parse(text, (_key, value) => {
        if (typeof value !== 'string') return value
        if (!value.startsWith(this.#mark)) return toStorable(value)
        return slots[Number(value.slice(this.#mark.length))]
      }),
    )
  }

  /** White space between tokens is kept once: some proxies pad a slow reply with it. */
  #pushOutside(byte: number): void {
    const isSpace = byte === space || byte === 0x0a || byte === 0x0d || byte === 0x09
    if (!isSpace) this.#text.push(byte)
    else if (this.#text.length > 0 && this.#text.last !== space) this.#text.push(space)
  }
}

function parse(text: string, reviver?: (key: string, value: unknown) => unknown): unknown {
  try {
    return JSON.parse(text, reviver)
  } catch {
    // The parser's own message quotes the text, which may hold a prompt.
    throw new MalformedJson('The JSON is malformed')
  }
}
