import type { StagedImage } from '../../images/staging.ts'

/**
 * One file of a multipart request: the value of the `Upload` scalar.
 *
 * Its bytes are received even if no resolver reads them, so resolvers may use files in any order, twice, or never.
 * It is discarded when the request has been answered: what an operation needs has been stored by then.
 */
export class UploadedFile {
  /** The file on disk. A failure reaches the resolver that reads it, and is never an unhandled rejection. */
  readonly staged: Promise<StagedImage>
  readonly #staging = Promise.withResolvers<StagedImage>()

  constructor() {
    this.staged = this.#staging.promise
    this.staged.catch(() => {})
  }

  resolve(staged: StagedImage): void {
    this.#staging.resolve(staged)
  }

  reject(error: unknown): void {
    this.#staging.reject(error)
  }

  async discard(): Promise<void> {
    const staged = await this.staged.catch(() => null)
    await staged?.discard()
  }
}
