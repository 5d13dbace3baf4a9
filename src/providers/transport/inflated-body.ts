import { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { ProviderFailure } from '../failure.ts'

/** The body without its content encoding; null for an encoding that is not known, or several. */
export function inflate(
  body: AsyncIterable<Uint8Array>,
  contentEncoding = 'identity',
): AsyncIterable<Uint8Array> | null {
  const encoding = contentEncoding.trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return body
  const decoder = createDecoder(encoding)
  return decoder && limitInflated(Readable.from(body), decoder)
}

function createDecoder(encoding: string) {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'deflate') return createInflate()
  return encoding === 'br' ? createBrotliDecompress() : null
}

const maxInflatedBytes = 256 * 1024 * 1024

async function* limitInflated(source: Readable, decoder: NonNullable<ReturnType<typeof createDecoder>>) {
  let failure: unknown
  source.on('error', (error) => {
    failure = error
    decoder.destroy(error)
  })
  source.pipe(decoder)
  let bytes = 0
  try {
    for await (const chunk of decoder) {
      bytes += chunk.length
      if (bytes > maxInflatedBytes)
        throw new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_RESPONSE_TOO_LARGE' })
      yield chunk as Buffer
    }
  } catch (error) {
    if (error instanceof ProviderFailure) throw error
    throw (
      failure ??
      new ProviderFailure({ certainty: 'FAILED', reason: 'UPSTREAM_INVALID_RESPONSE', cause: error })
    )
  } finally {
    source.destroy()
    decoder.destroy()
  }
}
