import { pieceBytes, takePiece } from '../../piece-pool.ts'

/** The text is no base64. */
export class InvalidBase64 extends Error {}

/** What is decoded goes here, in pieces of the pool. */
export type TakePiece = (piece: Buffer) => Promise<void>

/** How far a text has been decoded. */
export interface Base64Place {
  /** How many characters have become bytes, in groups of four. */
  grouped: number
  /** The characters after these: no group yet, or padding. */
  rest: string
  /** The place in the text as it would be encoded: there is no more padding than fills the last group. */
  position: number
}

/** Whole groups of three bytes. */
const roomBytes = pieceBytes - (pieceBytes % 3)

/**
 * Decodes base64 that arrives in pieces of any length. Standard and url-safe alphabets, white space and missing
 * padding are all seen in the wild (antirez/ds4#950).
 */
export class Base64Decoder {
  readonly #take: TakePiece
  /** Up to three characters that are no group of four yet. */
  #carry = ''
  #padding = ''
  #piece: Buffer | null = null
  #byteLength = 0
  #takenBytes = 0

  constructor(take: TakePiece) {
    this.#take = take
  }

  get place(): Base64Place {
    const grouped = ((this.#takenBytes + this.#byteLength) / 3) * 4
    const rest = this.#carry + this.#padding
    return { grouped, rest, position: grouped + (this.#carry === '' ? 0 : Math.min(4, rest.length)) }
  }

  async write(text: Buffer): Promise<void> {
    for (let at = 0; at < text.length; ) {
      // As much as fits, with what is carried.
      const end = Math.min(text.length, at + ((roomBytes - this.#byteLength) / 3) * 4)
      this.#decode(text.subarray(at, end))
      at = end
      if (this.#byteLength === roomBytes) await this.flush()
    }
  }

  async end(): Promise<void> {
    // A single character holds six bits: not even one byte.
    if (this.#carry.length === 1) throw new InvalidBase64('The base64 text ends within a byte')
    this.#put(this.#carry)
    this.#carry = ''
    await this.flush()
  }

  /** Hands on what is decoded so far. */
  async flush(): Promise<void> {
    const piece = this.#piece
    if (!piece || this.#byteLength === 0) return
    const bytes = piece.subarray(0, this.#byteLength)
    this.#piece = null
    this.#takenBytes += this.#byteLength
    this.#byteLength = 0
    await this.#take(bytes)
  }

  #decode(bytes: Buffer): void {
    if (this.#padding === '' && this.#decodePlain(bytes)) return
    const all = this.#carry + this.#normalise(bytes.toString('latin1'))
    this.#carry = all.slice(all.length - (all.length % 4))
    this.#put(all.slice(0, all.length - this.#carry.length))
  }

  /** Text without odd characters. Node leaves these out, so that fewer bytes come of it: then false, and nothing has changed. */
  #decodePlain(bytes: Buffer): boolean {
    const from = this.#byteLength
    // What makes a group of what was carried.
    const head = (4 - this.#carry.length) % 4
    if (bytes.length < head) return false
    const end = bytes.length - ((bytes.length - head) % 4)
    const carry = bytes.toString('latin1', end)
    if (oddCharacter.test(carry)) return false
    this.#put(this.#carry + bytes.toString('latin1', 0, head))
    this.#put(bytes.toString('latin1', head, end))
    const isPlain = this.#byteLength - from === ((this.#carry.length + end) / 4) * 3
    if (isPlain) this.#carry = carry
    else this.#byteLength = from
    return isPlain
  }

  #put(text: string): void {
    if (text === '') return
    this.#piece ??= takePiece()
    this.#byteLength += this.#piece.write(text, this.#byteLength, 'base64')
  }

  #normalise(text: string): string {
    const [data = '', padding = ''] = split(text.replace(/\s+/g, ''))
    if (this.#padding !== '' && data !== '')
      throw new InvalidBase64('The base64 text goes on after its padding')
    this.#padding += padding
    const standard = data.replaceAll('-', '+').replaceAll('_', '/')
    if (oddCharacter.test(standard)) throw new InvalidBase64('The text holds a character that is not base64')
    return standard
  }
}

const oddCharacter = /[^A-Za-z0-9+/]/

function split(text: string): [string, string?] {
  const at = text.indexOf('=')
  if (at === -1) return [text]
  const padding = text.slice(at)
  if (/[^=]/.test(padding)) throw new InvalidBase64('The base64 text goes on after its padding')
  return [text.slice(0, at), padding]
}
