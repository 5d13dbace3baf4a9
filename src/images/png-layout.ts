import { crc32 } from 'node:zlib'
import { type ByteReader, windowBytes } from './byte-reader.ts'
import { readOrientation } from './exif-orientation.ts'
import {
  checkDimensions,
  createPieceList,
  type ImageLayout,
  type LayoutOptions,
  maxParts,
} from './image-layout.ts'
import { refusal } from './refusal.ts'

export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

const criticalChunks = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND'])

/** Chunks that change how the pixels look. All other ancillary chunks go: text, EXIF, time, animation frames, private ones. */
const renderingChunks = new Set([
  'tRNS',
  'gAMA',
  'cHRM',
  'sRGB',
  'iCCP',
  'sBIT',
  'cICP',
  'mDCV',
  'cLLI',
  'bKGD',
  'pHYs',
])

const bitDepthsOfColourType = new Map([
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
])

interface Chunk {
  readonly type: string
  readonly start: number
  readonly dataStart: number
  readonly dataLength: number
  readonly end: number
}

/**
 * Walks the chunks from IHDR to IEND. The checksum of every chunk that stays is compared, and the order that decoders
 * rely on is enforced, so a file damaged on its way is refused here; a damaged chunk that the picture can do without is
 * left out, as decoders do. Bytes after IEND are left behind.
 */
export async function readPngLayout(reader: ByteReader, options: LayoutOptions): Promise<ImageLayout> {
  const header = await readHeader(reader, options)
  const list = createPieceList()
  list.keep(0, 33)
  const seen: string[] = []
  let orientation = 1
  let offset = 33
  for (let count = 0; ; count++) {
    if (count > maxParts) throw refusal('IMAGE_CORRUPT', { because: `more than ${maxParts} chunks` })
    const chunk = await readChunk(reader, offset)
    if (criticalChunks.has(chunk.type)) checkOrder(chunk, seen, header.colourType)
    if (chunk.type === 'acTL' && !seen.includes('IDAT')) await refuseAnimation(reader, chunk)
    if (chunk.type === 'eXIf' && (await isSound(reader, chunk))) {
      orientation = readOrientation(await readExif(reader, chunk))
    }
    if (await isKept(reader, chunk, options)) {
      list.keep(chunk.start, chunk.end)
      const isNoted = criticalChunks.has(chunk.type) || chunk.type === 'tRNS'
      if (isNoted && seen.at(-1) !== chunk.type) seen.push(chunk.type)
    }
    if (chunk.type === 'IEND') break
    offset = chunk.end
  }
  return {
    mimeType: 'image/png',
    width: header.width,
    height: header.height,
    hasAlpha: header.colourType >= 4 || seen.includes('tRNS'),
    orientation,
    needsWholePicture: header.interlaced,
    lossless: true,
    pieces: list.pieces,
  }
}

async function readHeader(reader: ByteReader, { limits }: LayoutOptions) {
  const chunk = await readChunk(reader, 8)
  if (chunk.type === 'CgBI') {
    throw refusal('IMAGE_ENCODING_UNSUPPORTED', {
      because: 'CgBI, a PNG that Xcode optimised for iOS: convert it to an ordinary PNG',
    })
  }
  if (chunk.type !== 'IHDR' || chunk.dataLength !== 13) throw corrupt('IHDR is not the first chunk')
  if (!(await isSound(reader, chunk))) throw wrongChecksum(chunk)
  const data = await reader.read(chunk.dataStart, 13)
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)]
  const [bitDepth, colourType, compression, filter, interlace] = data.subarray(8) as unknown as number[]
  if (!bitDepthsOfColourType.get(colourType ?? -1)?.includes(bitDepth ?? -1)) {
    throw corrupt(`colour type ${colourType} with ${bitDepth} bits does not exist`)
  }
  if (compression !== 0 || filter !== 0 || (interlace ?? 2) > 1) throw corrupt('unknown compression')
  checkDimensions(width, height, limits)
  return { width, height, colourType: colourType ?? 0, interlaced: interlace === 1 }
}

async function readChunk(reader: ByteReader, start: number): Promise<Chunk> {
  const head = await reader.read(start, 8)
  const dataLength = head.readUInt32BE(0)
  const type = head.toString('latin1', 4, 8)
  if (!/^[A-Za-z]{4}$/.test(type)) throw corrupt('a chunk has no valid name')
  if (dataLength > 0x7fffffff) throw corrupt('a chunk is longer than the format allows')
  const end = start + 12 + dataLength
  if (end > reader.size) throw refusal('IMAGE_TRUNCATED')
  return { type, start, dataStart: start + 8, dataLength, end }
}

function checkOrder({ type, dataLength }: Chunk, seen: readonly string[], colourType: number): void {
  const afterData = seen.includes('IDAT')
  if (type === 'IHDR') throw corrupt('IHDR appears twice')
  if (type === 'PLTE' && (afterData || seen.includes('PLTE'))) throw corrupt('PLTE is out of place')
  if (type === 'IDAT' && afterData && seen.at(-1) !== 'IDAT') throw corrupt('IDAT is interrupted')
  if (type === 'IDAT' && colourType === 3 && !seen.includes('PLTE')) throw corrupt('PLTE is missing')
  if (type === 'IEND' && !afterData) throw corrupt('IDAT is missing')
  if (type === 'IEND' && dataLength !== 0) throw corrupt('IEND is not empty')
}

async function isKept(reader: ByteReader, chunk: Chunk, { keepProvenance }: LayoutOptions): Promise<boolean> {
  const { type } = chunk
  if (criticalChunks.has(type)) {
    if (await isSound(reader, chunk)) return true
    throw wrongChecksum(chunk)
  }
  // An upper-case first letter means that the picture cannot be shown without this chunk.
  if (/^[A-Z]/.test(type)) throw corrupt(`unknown critical chunk ${type}`)
  const isWanted = renderingChunks.has(type) || (keepProvenance && type === 'caBX')
  return isWanted && isSound(reader, chunk)
}

/** An animation of one frame is a picture like any other. */
async function refuseAnimation(reader: ByteReader, { dataStart, dataLength }: Chunk): Promise<void> {
  const frames = dataLength < 4 ? 0 : (await reader.read(dataStart, 4)).readUInt32BE(0)
  if (frames > 1) throw refusal('IMAGE_ANIMATED', { because: `APNG of ${frames} frames` })
}

/** Whether the checksum of a chunk is right. */
async function isSound(reader: ByteReader, chunk: Chunk): Promise<boolean> {
  const stored = (await reader.read(chunk.end - 4, 4)).readUInt32BE(0)
  let checksum = 0
  for (let at = chunk.start + 4; at < chunk.end - 4; ) {
    const part = (await reader.window(at)).subarray(0, chunk.end - 4 - at)
    checksum = crc32(part, checksum)
    at += part.length
  }
  return checksum === stored
}

function wrongChecksum({ type }: Chunk) {
  return corrupt(`the checksum of ${type} is wrong`)
}

function readExif(reader: ByteReader, { dataStart, dataLength }: Chunk): Promise<Buffer> {
  return reader.read(dataStart, Math.min(dataLength, windowBytes))
}

function corrupt(because: string) {
  return refusal('IMAGE_CORRUPT', { because })
}
