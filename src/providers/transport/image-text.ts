import { InvalidBase64 } from './base64-decoder.ts'
import type { ImageSlot } from './image-slot.ts'

/** The text of an image is no JSON text. */
export class BrokenText extends Error {}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const maxDataHeaderBytes = 256

type State = 'dataHeader' | 'data' | 'escape' | 'unicode'

/** The text between two quotes that is an image: its escapes are undone, and its base64 goes into the slot. */
export class ImageText<T> {
  readonly #slot: ImageSlot<T>
  #state: State
  /** The text that was read before it was recognised as an image. */
  #start: string
  #header = ''
  #unicode = ''
  /** Where the escape began in the bytes that are being read; null where it began before them. */
  #escapeAt: number | null = null

  constructor(slot: ImageSlot<T>, { start, isDataAddress }: { start: string; isDataAddress: boolean }) {
    this.#slot = slot
    this.#state = isDataAddress ? 'dataHeader' : 'data'
    this.#start = isDataAddress ? '' : start
  }

  /** Reads up to the closing quote, or all there is. */
  async read(bytes: Buffer, from: number): Promise<{ at: number; isEnd: boolean }> {
    let at = from
    this.#escapeAt = null
    while (at < bytes.length) {
      const byte = bytes[at] as number
      if (byte === quote && this.#state !== 'escape') {
        await this.#end()
        return { at: at + 1, isEnd: true }
      }
      if (this.#state === 'data') at = await this.#readData(bytes, at)
      else {
        await this.#readOne(byte, bytes.subarray(this.#escapeAt ?? at + 1, at + 1))
        at += 1
      }
    }
    return { at, isEnd: false }
  }

  async #end(): Promise<void> {
    if (this.#state === 'unicode') throw new BrokenText('An escape is broken')
    if (this.#state === 'dataHeader') this.#slot.refuse(new InvalidBase64('A data: address without data'))
    await this.#writeStart()
    await this.#slot.close()
  }

  async #writeStart(): Promise<void> {
    const start = this.#start
    this.#start = ''
    if (start !== '') await this.#slot.write(latin1(start))
  }

  async #readData(bytes: Buffer, from: number): Promise<number> {
    await this.#writeStart()
    const end = bytes.indexOf(quote, from)
    const whole = bytes.subarray(from, end === -1 ? bytes.length : end)
    const escapeAt = whole.indexOf(backslash)
    const plain = escapeAt === -1 ? whole : whole.subarray(0, escapeAt)
    if (plain.length > 0) await this.#slot.write(plain)
    if (escapeAt === -1) return from + plain.length
    this.#state = 'escape'
    this.#escapeAt = from + plain.length
    return from + plain.length + 1
  }

  /** `raw`: the bytes of an escape up to this one; empty where it began in an earlier piece. */
  async #readOne(byte: number, raw: Buffer): Promise<void> {
    const character = String.fromCharCode(byte)
    if (this.#state === 'dataHeader') return this.#readHeader(byte, character)
    if (this.#state === 'escape' && character === 'u') {
      this.#state = 'unicode'
      return
    }
    if (this.#state === 'unicode') return this.#readUnicode(character, raw)
    this.#state = 'data'
    await this.#writeEscaped('nrtbf'.includes(character) ? ' ' : character, raw)
  }

  #readHeader(byte: number, character: string): void {
    if (byte === comma) {
      if (!/;base64$/i.test(this.#header))
        this.#slot.refuse(new InvalidBase64('A data: address without base64'))
      this.#state = 'data'
      return
    }
    this.#header += character
    if (this.#header.length > maxDataHeaderBytes)
      throw new BrokenText('The head of a data: address is too long')
  }

  async #readUnicode(character: string, raw: Buffer): Promise<void> {
    if (!/[0-9a-f]/i.test(character)) throw new BrokenText('An escape is broken')
    this.#unicode += character
    if (this.#unicode.length < 4) return
    const code = Number.parseInt(this.#unicode, 16)
    this.#unicode = ''
    this.#state = 'data'
    // What is above takes no place in base64: a character of it is as wrong as any.
    await this.#writeEscaped(code < 0x80 ? String.fromCharCode(code) : '?', raw)
  }

  async #writeEscaped(character: string, raw: Buffer): Promise<void> {
    const text = latin1(character)
    await this.#slot.write(text, raw.length > 0 ? raw : text)
  }
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
