import type { ImagePart } from '../../providers/transport/reply-recorder.ts'

/*
 * The format of a spooled reply: its text, without the images that lie decoded in files of their own. After a first line
 * come frames. `text 12` is followed by twelve bytes of the reply. `image 0 5 2048` stands for a part of the base64 of
 * image 0, from character 5 up to character 2048, where the first one has the number 0. Earlier versions kept a reply as
 * it came, and such a file begins with a brace.
 */

export const envelopeStart: Uint8Array = Buffer.from('easel envelope\n')

export function textFrame(text: Uint8Array): Uint8Array[] {
  return text.length > 0 ? [Buffer.from(`text ${text.length}\n`), text] : []
}

export function imageFrame({ image, from, to }: ImagePart): Uint8Array {
  return Buffer.from(`image ${image} ${from} ${to}\n`)
}

/** Opens the file of an image, from one byte on. */
export type OpenImage = (number: number, start: number) => AsyncIterable<Uint8Array>

/** The reply as it came; only base64 may be written in another way. It ends before anything that is missing. */
export async function* readEnvelope(
  envelope: AsyncIterable<Uint8Array>,
  openImage: OpenImage,
): AsyncGenerator<Uint8Array> {
  const reader = new FrameReader()
  for await (const chunk of envelope) {
    for (const frame of reader.read(chunk)) {
      if (frame instanceof Uint8Array) yield frame
      else if (!(yield* encodePart(frame, openImage))) return
    }
  }
}

const brace = 0x7b
const lineFeed = 0x0a
const framePattern = /^(?:text (\d+)|image (\d+) (\d+) (\d+))$/

class FrameReader {
  #isEnvelope: boolean | null = null
  #line = ''
  /** What is still to come of the text that a frame announced. */
  #textBytes = 0;

  /** The text and the parts of images in a chunk, in their order. */
  *read(chunk: Uint8Array): Generator<Uint8Array | ImagePart> {
    this.#isEnvelope ??= chunk[0] !== brace
    if (!this.#isEnvelope) return yield chunk
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (let at = 0; at < bytes.length; ) {
      if (this.#textBytes === 0) {
        const end = bytes.indexOf(lineFeed, at)
        this.#line += bytes.toString('latin1', at, end === -1 ? bytes.length : end)
        if (end === -1) return
        const part = this.#endLine()
        if (part) yield part
        at = end + 1
      } else {
        const text = bytes.subarray(at, at + this.#textBytes)
        this.#textBytes -= text.length
        yield text
        at += text.length
      }
    }
  }

  #endLine(): ImagePart | null {
    const [, text, image, from, to] = framePattern.exec(this.#line) ?? []
    this.#line = ''
    this.#textBytes = Number(text ?? 0)
    return image === undefined ? null : { image: Number(image), from: Number(from), to: Number(to) }
  }
}

/** Whether all of the part was there. */
async function* encodePart(
  { image, from, to }: ImagePart,
  openImage: OpenImage,
): AsyncGenerator<Uint8Array, boolean> {
  let skip = from % 4
  let left = to - from
  try {
    for await (const text of encodeBase64(openImage(image, ((from - skip) / 4) * 3))) {
      const part = text.subarray(skip, skip + left)
      skip = 0
      left -= part.length
      yield part
      if (left === 0) break
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return left === 0
}

/** Three bytes make four characters: what a chunk has beyond that waits for the next one. */
async function* encodeBase64(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of bytes) {
    const joined = Buffer.concat([rest, chunk])
    const whole = joined.length - (joined.length % 3)
    if (whole > 0) yield Buffer.from(joined.toString('base64', 0, whole), 'latin1')
    rest = joined.subarray(whole)
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1')
}
