import { JsonReader, type JsonReaderOptions, MalformedJson } from './json-reader.ts'

export interface EventStreamOptions<T> {
  json: JsonReaderOptions<T>
  /** The data of one event, all its lines together. */
  maxEventBytes: number
  maxEvents: number
}

/** One event with its data as JSON, or `isDone`: the `[DONE]` that some servers end with. */
export interface StreamEvent<T> {
  name: string | null
  reader: JsonReader<T>
  isDone: boolean
  /** Its JSON, or null when it is none. More than one where a server forgot the blank line between events. */
  values: readonly unknown[] | null
  /** The data ended with the stream, not with its blank line, and was cut. */
  isCut: boolean
}

export class EventStreamTooLarge extends Error {}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const byteOrderMark = [0xef, 0xbb, 0xbf]
const maxNameBytes = 256
/** Longer than every known field name. */
const maxFieldBytes = 8

type State = 'field' | 'valueStart' | 'data' | 'name' | 'skip'

/**
 * Splits server-sent events and hands the data of each straight to a JSON reader, so a line of 45 MB is never held.
 * Takes LF, CR and CRLF, a byte order mark, comments, unknown fields, several `data` lines, and a last event without
 * its blank line, as long as its JSON is whole: the WHATWG rule would drop an image that is paid for.
 */
export class EventStreamReader<T> {
  readonly #options: EventStreamOptions<T>
  #state: State = 'field'
  #field = ''
  #name: string | null = null
  #nameBytes: number[] = []
  #reader: JsonReader<T> | null = null
  #eventBytes = 0
  #head = ''
  #broken = false
  #skipLineFeed = false
  #position = 0
  #isBomChecked = false
  #events = 0

  constructor(options: EventStreamOptions<T>) {
    this.#options = options
  }

  /** The name of the event that is being read, if it came before the data. */
  get eventName(): string | null {
    return this.#name
  }

  async *read(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent<T>> {
    try {
      for await (const chunk of chunks)
        yield* this.#readChunk(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
      if (this.#state === 'name') this.#endName()
      const last = this.#dispatch(true)
      if (last) yield last
    } finally {
      await this.#reader?.discard(new Error('The event stream ended'))
    }
  }

  async *#readChunk(bytes: Buffer): AsyncGenerator<StreamEvent<T>> {
    const lineEnds = createLineEnds(bytes)
    let at = this.#isBomChecked ? 0 : this.#skipByteOrderMark(bytes)
    while (at < bytes.length) {
      if (this.#skipLineFeed) {
        this.#skipLineFeed = false
        if (bytes[at] === lineFeed) {
          at += 1
          continue
        }
      }
      const end = lineEnds(at)
      await this.#readLine(bytes.subarray(at, end))
      if (end === bytes.length) return
      this.#skipLineFeed = bytes[end] === carriageReturn
      at = end + 1
      if (this.#endLine()) {
        const event = this.#dispatch(false)
        if (!event) continue
        await this.#options.json.recorder?.keep(bytes.subarray(0, at))
        yield event
      }
    }
  }

  /** The byte order mark may be split over chunks. */
  #skipByteOrderMark(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && this.#position < 3 && bytes[at] === byteOrderMark[this.#position]) {
      at += 1
      this.#position += 1
    }
    if (at < bytes.length || this.#position === 3) this.#isBomChecked = true
    return at
  }

  async #readLine(piece: Buffer): Promise<void> {
    let rest = piece
    if (this.#state === 'field') rest = this.#readField(rest)
    if (rest.length === 0) return
    if (this.#state === 'valueStart') {
      if (rest[0] === 0x20) rest = rest.subarray(1)
      await this.#startValue()
    }
    if (this.#state === 'data') await this.#readData(rest)
    if (this.#state === 'name') this.#readName(rest)
  }

  #readField(piece: Buffer): Buffer {
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] as number
      if (byte === colon) {
        this.#state = 'valueStart'
        return piece.subarray(at + 1)
      }
      this.#field += String.fromCharCode(byte)
      if (this.#field.length > maxFieldBytes) {
        this.#state = 'skip'
        return piece.subarray(piece.length)
      }
    }
    return piece.subarray(piece.length)
  }

  async #startValue(): Promise<void> {
    if (this.#field === 'data') this.#state = 'data'
    else this.#state = this.#field === 'event' ? 'name' : 'skip'
    if (this.#state === 'name') this.#nameBytes = []
    if (this.#state === 'data' && this.#reader) await this.#feed(Buffer.from('\n'))
  }

  #readName(piece: Buffer): void {
    if (this.#nameBytes.length + piece.length > maxNameBytes)
      throw new EventStreamTooLarge('An event name is too long')
    this.#nameBytes.push(...piece)
  }

  #endName(): void {
    this.#name = Buffer.from(this.#nameBytes).toString('utf8')
    this.#state = 'skip'
  }

  async #readData(piece: Buffer): Promise<void> {
    this.#eventBytes += piece.length
    if (this.#eventBytes > this.#options.maxEventBytes) throw new EventStreamTooLarge('An event is too large')
    if (this.#head.length < doneMark.length)
      this.#head += piece.toString('latin1', 0, doneMark.length - this.#head.length)
    await this.#feed(piece)
  }

  /** Skips data that is not JSON. */
  async #feed(piece: Buffer): Promise<void> {
    this.#reader ??= new JsonReader(this.#options.json)
    if (this.#broken) return
    try {
      await this.#reader.write(piece)
    } catch (error) {
      if (!(error instanceof MalformedJson)) throw error
      this.#broken = true
    }
  }

  /** Whether the line was blank. */
  #endLine(): boolean {
    const isBlank = this.#state === 'field' && this.#field === ''
    if (this.#state === 'name' || (this.#state === 'valueStart' && this.#field === 'event')) this.#endName()
    this.#state = 'field'
    this.#field = ''
    return isBlank
  }

  #dispatch(isLast: boolean): StreamEvent<T> | null {
    const [reader, name] = [this.#reader, this.#name]
    const isDone = this.#head.startsWith(doneMark)
    const isBroken = this.#broken
    this.#reader = null
    this.#name = null
    this.#head = ''
    this.#eventBytes = 0
    this.#broken = false
    if (!reader) return null
    this.#events += 1
    if (this.#events > this.#options.maxEvents)
      throw new EventStreamTooLarge('The stream has too many events')
    const values = isDone || isBroken ? null : readWhole(reader)
    return { name, reader, isDone, values, isCut: isLast && !isDone && values === null }
  }
}

const doneMark = '[DONE]'

function readWhole(reader: JsonReader<unknown>): readonly unknown[] | null {
  try {
    return reader.end()
  } catch (error) {
    if (error instanceof MalformedJson) return null
    throw error
  }
}

/** The end of the line that a position is in. Each kind of end is looked for once, not once for every line. */
function createLineEnds(bytes: Buffer): (from: number) => number {
  const find = (byte: number, from: number) => {
    const at = bytes.indexOf(byte, from)
    return at === -1 ? bytes.length : at
  }
  let feed = find(lineFeed, 0)
  let carriage = find(carriageReturn, 0)
  return (from) => {
    if (feed < from) feed = find(lineFeed, from)
    if (carriage < from) carriage = find(carriageReturn, from)
    return Math.min(feed, carriage)
  }
}
