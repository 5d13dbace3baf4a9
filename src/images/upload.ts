import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { EaselError } from '../errors.ts'
import type { FileDigest } from './clean-copy.ts'
import { PieceWriter } from './piece-writer.ts'
import { createFile } from './temporary-files.ts'

export type ByteSource = Readable | AsyncIterable<Uint8Array>

export interface ReceiveOptions {
  path: string
  maxBytes: number
  signal?: AbortSignal | undefined
}

/** A file that is being received, hashed while it is written. Disposing of it closes the file. */
export class ArrivingFile implements AsyncDisposable {
  readonly #file: FileHandle
  readonly #writer: PieceWriter
  readonly #options: Pick<ReceiveOptions, 'maxBytes' | 'signal'>
  readonly #hash = createHash('sha256')
  #byteSize = 0

  static async create({ path, ...options }: ReceiveOptions): Promise<ArrivingFile> {
    options.signal?.throwIfAborted()
    return new ArrivingFile(await createFile(path), options)
  }

  private constructor(file: FileHandle, options: Pick<ReceiveOptions, 'maxBytes' | 'signal'>) {
    this.#file = file
    this.#writer = new PieceWriter(file)
    this.#options = options
  }

  /** The chunk must not change afterwards. One byte too many is refused at once. */
  async write(chunk: Uint8Array): Promise<void> {
    const { maxBytes, signal } = this.#options
    signal?.throwIfAborted()
    this.#byteSize += chunk.length
    if (this.#byteSize > maxBytes) throw tooLarge(maxBytes, this.#byteSize)
    this.#hash.update(chunk)
    await this.#writer.write(chunk)
  }

  async end(): Promise<FileDigest> {
    this.#options.signal?.throwIfAborted()
    await this.#writer.flush()
    return { sha256: this.#hash.digest('hex'), byteSize: this.#byteSize }
  }

  /** What has come so far is in the file: a crash of this process does not lose it. */
  flush(): Promise<void> {
    return this.#writer.flush()
  }

  /** And a power cut does not either. */
  async sync(): Promise<void> {
    await this.#writer.flush()
    await this.#file.sync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close()
  }
}

/**
 * Hands a stream on, no faster than it is taken. The multipart parser cuts a part that is over its own limit silently:
 * the stream then tells of it by its event `limit` and its flag `truncated`, and ends as if it were whole.
 */
export async function pour(
  source: ByteSource,
  write: (chunk: Uint8Array) => Promise<void>,
  { maxBytes, signal }: Omit<ReceiveOptions, 'path'>,
): Promise<void> {
  using cut = watchSource(source, maxBytes)
  for await (const chunk of abortable(source, signal)) {
    if (cut.happened) throw tooLarge(maxBytes, maxBytes)
    await write(chunk)
  }
  if (cut.happened) throw tooLarge(maxBytes, maxBytes)
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
