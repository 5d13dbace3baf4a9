import { Readable } from 'node:stream'
import { toFileBody } from '../../images/file-body.ts'
import type { MarkedImages } from './inline-images.ts'

/** A text to be sent, in which marks stand for images. */
export interface MarkedText {
  readonly text: string
  readonly images: MarkedImages
}

const mark = /(easel-image-[0-9a-f-]{36})/

/** In bytes, with every image in its place. */
function lengthOf({ text, images }: MarkedText): number {
  return text
    .split(mark)
    .reduce((sum, part) => sum + (images.get(part)?.length ?? Buffer.byteLength(part)), 0)
}

/** The text piece by piece, with every image in its place. No image is opened before it is asked for. */
export async function* splice(
  { text, images }: MarkedText,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const parts = images.size > 0 ? text.split(mark) : [text]
  for (const part of parts) {
    const image = images.get(part)
    if (image) yield* image.read(signal)
    else if (part !== '') yield Buffer.from(part)
  }
}

interface MarkedAnswer {
  response: Response
  images: MarkedImages
  signal: AbortSignal
}

/** The same response with every image in its place. `onGone`: it is out, or will not be. */
export async function spliceResponse(
  { response, images, signal }: MarkedAnswer,
  { onGone }: { onGone(): void },
): Promise<Response> {
  const marked = { text: await response.text(), images }
  const body = Readable.from(splice(marked, signal), { objectMode: false, highWaterMark: 1 })
  body.once('close', onGone)
  const headers = new Headers(response.headers)
  headers.set('content-length', String(lengthOf(marked)))
  return new Response(toFileBody(body), { status: response.status, headers })
}
