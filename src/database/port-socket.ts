import { Duplex } from 'node:stream'
import type { MessagePort } from 'node:worker_threads'

type Written = { chunk: Uint8Array }[]
type Done = (error?: Error | null) => void

/** A port to another thread, as pg expects a socket. Bytes are copied once, and then change hands. */
export class PortSocket extends Duplex {
  readonly #port: MessagePort

  constructor(port: MessagePort) {
    super()
    this.#port = port
    port.on('message', (bytes: Uint8Array) => this.push(bytes))
    port.on('close', () => this.destroy())
  }

  connect(): this {
    process.nextTick(() => this.emit('connect'))
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    this.#port.ref()
    return this
  }

  unref(): this {
    this.#port.unref()
    return this
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this._writev([{ chunk }], done)
  }

  override _writev(written: Written, done: Done): void {
    const bytes = joinBytes(written.map(({ chunk }) => chunk))
    this.#port.postMessage(bytes, [bytes.buffer])
    done()
  }

  override _final(done: Done): void {
    this.#port.close()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#port.close()
    done(error)
  }
}

/** In memory of their own: that of a Buffer may be shared with others, and then cannot change hands. */
export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    joined.set(chunk, at)
    at += chunk.length
  }
  return joined
}
