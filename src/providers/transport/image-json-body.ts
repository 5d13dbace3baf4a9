import type { SourceImage } from '../../catalogue/image-request.ts'
import { readSource } from './read-source.ts'
import type { RequestBody } from './transport.ts'

/**
 * A JSON object whose last members are images in base64. They flow from where they are kept straight to the socket;
 * the length of the whole is known before.
 */
export function createImageJsonBody(
  members: Readonly<Record<string, unknown>>,
  images: readonly (readonly [name: string, image: SourceImage])[],
): RequestBody {
  const pieces: (Buffer | SourceImage)[] = [Buffer.from(JSON.stringify(members).slice(0, -1))]
  let separator = Object.keys(members).length > 0 ? ',' : ''
  for (const [name, image] of images) {
    pieces.push(Buffer.from(`${separator}${JSON.stringify(name)}:"`), image, Buffer.from('"'))
    separator = ','
  }
  pieces.push(Buffer.from('}'))
  return {
    contentType: 'application/json',
    byteLength: pieces.reduce(
      (sum, piece) => sum + ('open' in piece ? base64Length(piece.byteSize) : piece.length),
      0,
    ),
    open: () => concatenate(pieces),
  }
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4
}

async function* concatenate(pieces: readonly (Buffer | SourceImage)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if ('open' in piece) yield* encode(piece)
    else yield piece
  }
}

/** Three bytes make four characters: what a chunk has beyond that waits for the next one. */
async function* encode(image: SourceImage): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of readSource(image)) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    const whole = bytes.length - (bytes.length % 3)
    if (whole > 0) yield Buffer.from(bytes.toString('base64', 0, whole), 'latin1')
    rest = bytes.subarray(whole)
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1')
}
