import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { WireError } from './wire-error.ts'

export interface FilePart {
  name: string
  filename: string
  mimeType: string
  path: string
  bytes: number
  sha256: string
}

export interface TextPart {
  name: string
  value: string
}

export interface Form {
  texts: TextPart[]
  files: FilePart[]
}

export interface MultipartOptions {
  contentType: string
  /** Where file parts are spooled; the caller removes it. */
  folder: string
  maxFileBytes: number
}

const maxParts = 64
const maxHeaderBytes = 16 * 1024
const maxTextBytes = 1024 * 1024

type Sink = (chunk: Buffer) => void | Promise<void>

/** Reads a form part by part; files go to the folder as they arrive, so memory holds one chunk. */
export async function readMultipart(source: AsyncIterable<Buffer>, options: MultipartOptions): Promise<Form> {
  const boundary = findBoundary(options.contentType)
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const scanner = createScanner(source)
  const form: Form = { texts: [], files: [] }
  await scanner.readUntil(delimiter, () => {})
  for (let part = 0; ; part++) {
    const mark = await collect(scanner, Buffer.from('\r\n'), 1024, '--')
    if (mark === '--') return form
    if (part >= maxParts) throw refuseForm(`more than ${maxParts} parts`)
    const head = parseHead(await collect(scanner, Buffer.from('\r\n\r\n'), maxHeaderBytes))
    if (head.filename === undefined) {
      form.texts.push({ name: head.name, value: await collect(scanner, delimiter, maxTextBytes) })
    } else {
      const path = join(options.folder, String(form.files.length))
      const spooled = await spool({ scanner, delimiter, path, maxBytes: options.maxFileBytes })
      form.files.push({ name: head.name, filename: head.filename, mimeType: head.mimeType, ...spooled })
    }
  }
}

function findBoundary(contentType: string): string {
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(contentType)
  const boundary = match?.[1] ?? match?.[2]
  if (!boundary) throw refuseForm('no boundary')
  return boundary
}

interface Scanner {
  /** Hands on what comes before the needle and consumes the needle. Ends at `stop` if the data starts with it. */
  readUntil(needle: Buffer, sink: Sink, stop?: string): Promise<void>
}

function createScanner(source: AsyncIterable<Buffer>): Scanner {
  const chunks = source[Symbol.asyncIterator]()
  // The first delimiter has no line break before it.
  let pending: Buffer = Buffer.from('\r\n')

  const pull = async () => {
    const { value, done } = await chunks.next()
    if (done) throw refuseForm('it ends too early')
    pending = pending.length > 0 ? Buffer.concat([pending, value]) : value
  }

  return {
    async readUntil(needle, sink, stop) {
      if (stop !== undefined) {
        while (pending.length < stop.length) await pull()
        if (pending.toString('latin1', 0, stop.length) === stop) return await sink(Buffer.from(stop))
      }
      for (;;) {
        const at = pending.indexOf(needle)
        if (at !== -1) {
          const before = pending.subarray(0, at)
          pending = pending.subarray(at + needle.length)
          return await sink(before)
        }
        // The needle may be cut by the end of the chunk: its possible beginning stays.
        const safe = Math.max(0, pending.length - needle.length + 1)
        await sink(pending.subarray(0, safe))
        pending = pending.subarray(safe)
        await pull()
      }
    },
  }
}

async function collect(scanner: Scanner, needle: Buffer, maxBytes: number, stop?: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  const sink = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) throw refuseForm(`a text or header of more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  await scanner.readUntil(needle, sink, stop)
  return Buffer.concat(chunks).toString('utf8')
}

interface SpoolOptions {
  scanner: Scanner
  delimiter: Buffer
  path: string
  maxBytes: number
}

async function spool({ scanner, delimiter, path, maxBytes }: SpoolOptions) {
  const hash = createHash('sha256')
  let bytes = 0
  await using file = await open(path, 'wx')
  await scanner.readUntil(delimiter, async (chunk) => {
    bytes += chunk.length
    if (bytes > maxBytes) {
      throw new WireError('invalid_image_file', `A file must be less than ${maxBytes} bytes.`, {
        param: 'image',
      })
    }
    hash.update(chunk)
    if (chunk.length > 0) await file.writeFile(chunk)
  })
  return { path, bytes, sha256: hash.digest('hex') }
}

interface PartHead {
  name: string
  filename: string | undefined
  mimeType: string
}

function parseHead(text: string): PartHead {
  const disposition = /^content-disposition:(.*)$/im.exec(text)?.[1] ?? ''
  const name = readParameter(disposition, 'name')
  if (name === undefined) throw refuseForm('a part without a name')
  const type = /^content-type:\s*([^;\s]+)/im.exec(text)?.[1]
  return {
    name,
    filename: readParameter(disposition, 'filename'),
    mimeType: type?.toLowerCase() ?? 'application/octet-stream',
  }
}

function readParameter(disposition: string, name: string): string | undefined {
  return new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(disposition)?.[1]
}

function refuseForm(fault: string): WireError {
  return new WireError(null, `Could not parse multipart form: ${fault}.`)
}
