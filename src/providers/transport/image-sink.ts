/** Takes the bytes of one decoded image as they arrive. */
export interface ImageSink<T> {
  write(chunk: Uint8Array): Promise<void>
  end(): Promise<T>
  abort(reason: unknown): Promise<void>
}
