import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { EaselError } from '../errors.ts'
import type { FileDigest } from './clean-copy.ts'
import { PieceWriter } from './piece-writer.ts'
import { prepareFolder } from './temporary-files.ts'

export type ByteSource = Readable | AsyncIterable<Uint8Array>

/**
 * Writes a stream into a new file while hashing it, no faster than the disk takes it. One byte too many stops the
 * reading at once. The multipart parser cuts a part that is over its own limit silently: the stream then tells of it by
 * its event `limit` and its flag `truncated`, and ends as if it were whole.
 */
export async function receive(options: {
  source: ByteSource
  path: string
  maxBytes: number
  signal?: AbortSignal | undefined
}): Promise<FileDigest> {
  const { source, path, maxBytes, signal } = options
  const hash = createHash('sha256')
  let byteSize = 0
  using cut = watchSource(source, maxBytes)
  await prepareFolder(dirname(path))
  await using file = await open(path, 'wx', 0o600)
  const writer = new PieceWriter(file)
  for await (const chunk of abortable(source, signal)) {
    byteSize += chunk.length
    if (byteSize > maxBytes || cut.happened) throw tooLarge(maxBytes, byteSize)
    hash.update(chunk)
    await writer.write(chunk)
  }
  if (cut.happened) throw tooLarge(maxBytes, byteSize)
  await writer.flush()
  return { sha256: hash.digest('hex'), byteSize }
}

/**
 * Listens from the first moment, since an error or a limit between two reads would else be missed or end the process,
 * and closes the stream in the end.
 */
function watchSource(source: ByteSource, maxBytes: number) {
  let limitReached = false
  const isCut = () => limitReached || ('truncated' in source && source.truncated === true)
  if (!(source instanceof Readable)) return { happened: false, [Symbol.dispose]: () => {} }
  const onLimit = () => {
    limitReached = true
    // A parser that reached its limit may never end the stream.
    source.destroy(tooLarge(maxBytes, maxBytes))
  }
  source.on('error', () => {})
  source.on('limit', onLimit)
  if (isCut()) onLimit()
  return {
    get happened() {
      return isCut()
    },
    [Symbol.dispose]: () => {
      source.off('limit', onLimit)
      source.destroy()
    },
  }
}

/** The chunks of a source; an abort ends the wait for the next one, and leaving early closes the source. */
async function* abortable(source: ByteSource, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  // One promise for each step: racing against one that lives as long as the upload would keep every chunk alive with it.
  let giveUp = (_reason: unknown) => {}
  const onAbort = () => giveUp(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const iterator = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        giveUp = reject
        iterator.next().then(resolve, reject)
      })
      signal?.throwIfAborted()
      if (step.done) return
      yield step.value
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // An iterator that waits for its next chunk answers `return` only after that chunk, so this is not awaited.
    void iterator.return?.()?.catch(() => {})
  }
}

export function tooLarge(maxBytes: number, actualBytes: number): EaselError {
  return new EaselError('PAYLOAD_TOO_LARGE', 'The file is too large.', {
    reason: 'IMAGE_TOO_LARGE',
    allowed: { maxBytes },
    actual: { atLeastBytes: actualBytes },
    hint: 'RESIZE',
  })
}
