/** The text is no base64. */
export class InvalidBase64 extends Error {}

/**
 * Decodes base64 that arrives in pieces of any length. Standard and url-safe alphabets, white space and missing
 * padding are all seen in the wild (antirez/ds4#950).
 */
export class Base64Decoder {
  #carry = ''
  #padded = false

  /** The bytes that are whole by now. */
  write(text: string): Buffer {
    const clean = this.#normalise(text)
    const all = this.#carry + clean
    const whole = all.length - (all.length % 4)
    this.#carry = all.slice(whole)
    return Buffer.from(all.slice(0, whole), 'base64')
  }

  end(): Buffer {
    // A single character holds six bits: not even one byte.
    if (this.#carry.length === 1) throw new InvalidBase64('The base64 text ends within a byte')
    const rest = Buffer.from(this.#carry, 'base64')
    this.#carry = ''
    return rest
  }

  #normalise(text: string): string {
    if (!this.#padded && !oddCharacter.test(text)) return text
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
