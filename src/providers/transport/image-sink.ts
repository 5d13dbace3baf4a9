/** Takes the bytes of one decoded image as they arrive. */
export interface ImageSink<T> {
  /** The chunk must not change afterwards; the sink releases a piece of the pool. */
  write(chunk: Uint8Array): Promise<void>
  end(): Promise<T>
  abort(reason: unknown): Promise<void>
  /**
   * Asked before the first byte of an image in a reply: puts the bytes into the reply's spool, and returns the number that
   * they have there. Null where they go elsewhere.
   */
  keepInSpool?(): number | null
}
