/** What the images room makes of one upload: it lives until somebody keeps it or it is discarded. */
export interface DiscardableImage {
  discard(): Promise<void>
}

/**
 * One file of a multipart request: the value of the `Upload` scalar.
 *
 * Its bytes are received whether or not anybody asks, so files may be wanted in any order, twice, or never.
 * Whoever calls `take` owns the staged image; what nobody took is discarded when the request has been answered.
 */
export class UploadedFile<S extends DiscardableImage = DiscardableImage> {
  /** The file as it lies on disk. A failure is the caller's to see, never an unhandled rejection. */
  readonly staged: Promise<S>
  readonly #settle: { resolve(staged: S): void; reject(error: unknown): void }
  #taken = false
  #filename: string | null = null
  #mimeType: string | null = null

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<S>()
    promise.catch(() => {})
    this.staged = promise
    this.#settle = { resolve, reject }
  }

  /** For people to read; never part of a path. */
  get filename(): string | null {
    return this.#filename
  }

  /** As the client declares it: a claim, not a fact. */
  get mimeType(): string | null {
    return this.#mimeType
  }

  describe(filename: string | undefined, mimeType: string): void {
    // Control characters, and those that reverse the reading direction, forge log lines and file names.
    this.#filename = filename?.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]/gu, '').slice(0, 255) || null
    this.#mimeType = mimeType.replace(/[^\x21-\x7e]/g, '').slice(0, 255)
  }

  take(): void {
    this.#taken = true
  }

  resolve(staged: S): void {
    this.#settle.resolve(staged)
  }

  reject(error: unknown): void {
    this.#settle.reject(error)
  }

  async discardUnlessTaken(): Promise<void> {
    if (this.#taken) return
    const staged = await this.staged.catch(() => null)
    await staged?.discard()
  }
}
