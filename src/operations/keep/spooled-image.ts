import type { WrittenFile } from '../../images/images.ts'
import { removeFile } from '../../images/temporary-files.ts'
import { ArrivingFile } from '../../images/upload.ts'

/** One decoded image of a reply, in a file of the spool. Its bytes are in no other file until they are changed. */
export class SpooledImage {
  readonly number: number
  readonly path: string
  readonly #onFault: (error: unknown) => Promise<void>
  #file: ArrivingFile | null = null

  constructor(number: number, path: string, onFault: (error: unknown) => Promise<void>) {
    this.number = number
    this.path = path
    this.#onFault = onFault
  }

  /** The chunk must not change afterwards; a piece of the pool is released. */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#try(async () => {
      this.#file ??= await this.#create()
      await this.#file.write(chunk)
    })
  }

  /** The file, once all its bytes have been given. */
  end(): Promise<WrittenFile> {
    return this.#try(async () => {
      this.#file ??= await this.#create()
      return { path: this.path, ...(await this.#file.end()) }
    })
  }

  async flush(): Promise<void> {
    await this.#file?.flush()
  }

  async sync(): Promise<void> {
    await this.#file?.sync()
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.flush().finally(() => file[Symbol.asyncDispose]())
  }

  /** A file of this name may be left of an answer to the same attempt. It may also be the file of a kept image. */
  async #create(): Promise<ArrivingFile> {
    const create = () => ArrivingFile.create({ path: this.path, maxBytes: Number.POSITIVE_INFINITY })
    return create().catch(async (error) => {
      if (error.code !== 'EEXIST') throw error
      await removeFile(this.path)
      return create()
    })
  }

  async #try<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work()
    } catch (error) {
      await this.#onFault(error)
      throw error
    }
  }
}
