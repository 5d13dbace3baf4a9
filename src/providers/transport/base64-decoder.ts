/** The text is no base64. */
export class InvalidBase64 extends Error {}

/**
 * Decodes base64 that arrives in pieces of any length. Standard and url-safe alphabets, white space and missing
 * padding are all seen in the wild (antirez/ds4#950).
 */
export class Base64Decoder {
  /** Up to three characters that are no group of four yet. */
  #carry = ''
  #padded = false

  /** The bytes that are whole by now. */
  write(bytes: Buffer): Buffer {
    const text = bytes.toString('latin1')
    return this.#decodePlain(text) ?? this.#decode(this.#normalise(text))
  }

  end(): Buffer {
    // A single character holds six bits: not even one byte.
    if (this.#carry.length === 1) throw new InvalidBase64('The base64 text ends within a byte')
    const rest = Buffer.from(this.#carry, 'base64')
    this.#carry = ''
    return rest
  }

  /** Of text without odd characters: Node leaves these out, so that fewer bytes come of it. Else null, with nothing changed. */
  #decodePlain(text: string): Buffer | null {
    if (this.#padded) return null
    const all = this.#carry + text
    const whole = all.length - (all.length % 4)
    const carry = all.slice(whole)
    if (oddCharacter.test(carry)) return null
    const bytes = Buffer.from(all.slice(0, whole), 'base64')
    if (bytes.length !== (whole / 4) * 3) return null
    this.#carry = carry
    return bytes
  }

  #decode(text: string): Buffer {
    const all = this.#carry + text
    const whole = all.length - (all.length % 4)
    this.#carry = all.slice(whole)
    return Buffer.from(all.slice(0, whole), 'base64')
  }

  #normalise(text: string): string {
    const [data = '', padding] = split(text.replace(/\s+/g, ''))
    if (this.#padded && data !== '') throw new InvalidBase64('The base64 text goes on after its padding')
    if (padding !== undefined) this.#padded = true
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
