import { randomBytes } from 'node:crypto'
import type { SourceImage } from '../../catalogue/image-request.ts'
import { readSource } from './read-source.ts'
import type { RequestBody } from './transport.ts'

export type FormPart =
  | { name: string; value: string }
  | { name: string; filename: string; image: SourceImage }

/** A form whose files flow from where they are kept straight to the socket; its length is known before. */
export function createMultipartBody(parts: readonly FormPart[]): RequestBody {
  // The boundary is random, so that it cannot be put into a prompt or a file.
  const boundary = `easel-${randomBytes(18).toString('base64url')}`
  const pieces: (Buffer | SourceImage)[] = []
  for (const part of parts) {
    if ('value' in part) pieces.push(Buffer.from(`${head(boundary, part.name)}\r\n\r\n${part.value}\r\n`))
    else pieces.push(fileHead(boundary, part), part.image, Buffer.from('\r\n'))
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`))
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    byteLength: pieces.reduce((sum, piece) => sum + ('open' in piece ? piece.byteSize : piece.length), 0),
    open: () => concatenate(pieces),
  }
}

function head(boundary: string, name: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(name)}"`
}

/** The right type matters: `application/octet-stream` is refused (openai-node#1468), and some proxies go by the suffix. */
function fileHead(
  boundary: string,
  { name, filename, image }: Extract<FormPart, { image: SourceImage }>,
): Buffer {
  return Buffer.from(
    `${head(boundary, name)}; filename="${escapeName(filename)}"\r\nContent-Type: ${image.mimeType}\r\n\r\n`,
  )
}

/** As browsers do it: https://html.spec.whatwg.org/#multipart-form-data. */
function escapeName(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

async function* concatenate(pieces: readonly (Buffer | SourceImage)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if ('open' in piece) yield* readSource(piece)
    else yield piece
  }
}
