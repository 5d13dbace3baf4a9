import type { EaselError } from '../errors.ts'
import { type ByteReader, windowBytes } from './byte-reader.ts'
import { readOrientation } from './exif-orientation.ts'
import {
  checkDimensions,
  createPieceList,
  type ImageLayout,
  type LayoutOptions,
  maxParts,
  type Piece,
} from './image-layout.ts'
import { refusal } from './refusal.ts'

const animationFlag = 0x02
const metadataFlags = 0x0c
const alphaFlag = 0x10

interface Chunk {
  readonly type: string
  readonly start: number
  readonly dataStart: number
  readonly dataLength: number
  /** Chunks are padded to an even length. */
  readonly end: number
}

interface Picture {
  readonly width: number
  readonly height: number
  readonly hasAlpha: boolean
  readonly lossless: boolean
}

/**
 * Walks the chunks of the RIFF container. An animation is refused rather than cut to its first frame: upstreams
 * disagree about what they would do with it, and its owner should choose the frame. Bytes after the container are left behind.
 */
export async function readWebpLayout(reader: ByteReader, options: LayoutOptions): Promise<ImageLayout> {
  const containerEnd = await findContainerEnd(reader, options)
  const list = createPieceList()
  let picture: Picture | undefined
  let canvas: Picture | undefined
  let hasAlphaChunk = false
  let orientation = 1
  let offset = 12
  for (let count = 0; offset < containerEnd; count++) {
    if (count > maxParts) throw corrupt(`more than ${maxParts} chunks`)
    const chunk = await readChunk(reader, offset, containerEnd)
    if (offset === 12 && chunk.type === 'VP8X') canvas = await readCanvas(reader, chunk, options)
    if (chunk.type === 'VP8 ' || chunk.type === 'VP8L') {
      if (picture) throw corrupt('two pictures')
      picture = await readPicture(reader, chunk, options)
    }
    if (chunk.type === 'ALPH') hasAlphaChunk = true
    if (chunk.type === 'EXIF') orientation = readOrientation(await readExif(reader, chunk))
    await keepChunk({ reader, chunk, list, options })
    offset = chunk.end
  }
  if (!picture) throw corrupt('no picture inside')
  if (canvas && (canvas.width !== picture.width || canvas.height !== picture.height)) {
    throw corrupt('the canvas and the picture differ in size')
  }
  return {
    mimeType: 'image/webp',
    width: picture.width,
    height: picture.height,
    hasAlpha: canvas ? canvas.hasAlpha && (hasAlphaChunk || picture.hasAlpha) : picture.hasAlpha,
    orientation,
    needsWholePicture: true,
    lossless: picture.lossless,
    pieces: withContainer(list.pieces, await reader.read(0, 12)),
  }
}

/**
 * The length in the header, which also tells where bytes behind the picture begin. It is wrong where it contradicts the
 * chunks, and they fill the file: some programs write the length of the whole file, or that of the chunks alone.
 */
async function findContainerEnd(reader: ByteReader, { mendsLength }: LayoutOptions): Promise<number> {
  const written = 8 + (await reader.read(4, 4)).readUInt32LE(0)
  const chunksEnd = await walkChunks(reader, written)
  if (chunksEnd === written) return written
  if (chunksEnd === reader.size && mendsLength) return chunksEnd
  if (chunksEnd === reader.size) throw refuseLength(written, chunksEnd)
  if (written <= reader.size) return written
  const because = `${reader.size} of ${written} bytes came: upload it again`
  throw refusal('IMAGE_TRUNCATED', { because })
}

/** Where the last chunk ends that begins before `end`; it may end later. Infinity for one that the file does not hold. */
async function walkChunks(reader: ByteReader, end: number): Promise<number> {
  let at = 12
  for (let count = 0; count <= maxParts && at < end && at + 8 <= reader.size; count++) {
    const dataLength = (await reader.read(at + 4, 4)).readUInt32LE(0)
    const dataEnd = at + 8 + dataLength
    if (dataEnd > reader.size) return Number.POSITIVE_INFINITY
    const padded = dataEnd + (dataLength % 2)
    at = Math.min(padded, reader.size, dataEnd <= end ? end : padded)
  }
  return at
}

function refuseLength(written: number, right: number): EaselError {
  const because = `the length written in the file is wrong, ${written - 8} in place of ${right - 8}: save it again`
  return corrupt(because)
}

async function readChunk(reader: ByteReader, start: number, containerEnd: number): Promise<Chunk> {
  if (start + 8 > containerEnd) throw corrupt('a chunk without length')
  const head = await reader.read(start, 8)
  const dataLength = head.readUInt32LE(4)
  const dataEnd = start + 8 + dataLength
  if (dataEnd > containerEnd) throw corrupt('the length of a chunk reaches beyond the file: export it again')
  // Some encoders leave out the padding byte of the last chunk.
  const end = Math.min(dataEnd + (dataLength % 2), containerEnd)
  return { type: head.toString('latin1', 0, 4), start, dataStart: start + 8, dataLength, end }
}

async function readCanvas(reader: ByteReader, chunk: Chunk, { limits }: LayoutOptions): Promise<Picture> {
  if (chunk.dataLength !== 10) throw corrupt('VP8X has the wrong length')
  const data = await reader.read(chunk.dataStart, 10)
  const flags = data.readUInt8(0)
  if (flags & animationFlag) throw refusal('IMAGE_ANIMATED')
  const [width, height] = [data.readUIntLE(4, 3) + 1, data.readUIntLE(7, 3) + 1]
  checkDimensions(width, height, limits)
  return { width, height, hasAlpha: (flags & alphaFlag) !== 0, lossless: false }
}

async function readPicture(reader: ByteReader, chunk: Chunk, { limits }: LayoutOptions): Promise<Picture> {
  if (chunk.dataLength < 10) throw refusal('IMAGE_TRUNCATED')
  const data = await reader.read(chunk.dataStart, 10)
  const picture = chunk.type === 'VP8L' ? parseLossless(data) : parseLossy(data)
  checkDimensions(picture.width, picture.height, limits)
  return picture
}

function parseLossy(data: Buffer): Picture {
  const isKeyFrame = (data.readUInt8(0) & 1) === 0
  if (!isKeyFrame || data.readUIntBE(3, 3) !== 0x9d012a) throw corrupt('no VP8 key frame')
  const [width, height] = [data.readUInt16LE(6) & 0x3fff, data.readUInt16LE(8) & 0x3fff]
  return { width, height, hasAlpha: false, lossless: false }
}

function parseLossless(data: Buffer): Picture {
  const bits = data.readUInt32LE(1)
  if (data.readUInt8(0) !== 0x2f || bits >>> 29 !== 0) throw corrupt('no VP8L picture')
  const [width, height] = [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1]
  return { width, height, hasAlpha: ((bits >>> 28) & 1) === 1, lossless: true }
}

async function keepChunk(context: {
  reader: ByteReader
  chunk: Chunk
  list: ReturnType<typeof createPieceList>
  options: LayoutOptions
}): Promise<void> {
  const { reader, chunk, list, options } = context
  if (chunk.type === 'VP8X') {
    const bytes = Buffer.from(await reader.read(chunk.start, chunk.end - chunk.start))
    const flags = bytes.readUInt8(8)
    if ((flags & metadataFlags) === 0) return list.keep(chunk.start, chunk.end)
    bytes.writeUInt8(flags & ~metadataFlags, 8)
    return list.write(bytes)
  }
  const isKept = ['ICCP', 'ALPH', 'VP8 ', 'VP8L'].includes(chunk.type)
  if (isKept || (options.keepProvenance && chunk.type === 'C2PA')) list.keep(chunk.start, chunk.end)
}

/** The container's header before the chunks: the original one where its length still holds. */
function withContainer(pieces: readonly Piece[], header: Buffer): Piece[] {
  const length = pieces.reduce(
    (sum, piece) => sum + ('bytes' in piece ? piece.bytes.length : piece.end - piece.start),
    4,
  )
  if (length !== header.readUInt32LE(4)) {
    const bytes = Buffer.from(header)
    bytes.writeUInt32LE(length, 4)
    return [{ bytes }, ...pieces]
  }
  const [first, ...rest] = pieces
  return first && 'end' in first && first.start === 12
    ? [{ start: 0, end: first.end }, ...rest]
    : [{ start: 0, end: 12 }, ...pieces]
}

function readExif(reader: ByteReader, { dataStart, dataLength }: Chunk): Promise<Buffer> {
  return reader.read(dataStart, Math.min(dataLength, windowBytes))
}

function corrupt(because: string) {
  return refusal('IMAGE_CORRUPT', { because })
}
