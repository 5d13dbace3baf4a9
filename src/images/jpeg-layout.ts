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

const startOfImage = 0xd8
const endOfImage = 0xd9
const startOfScan = 0xda
const numberOfLines = 0xdc
const comment = 0xfe

/** Quantisation, Huffman, restart and arithmetic tables: nothing else may stand between the scans. */
const tableMarkers = new Set([0xc4, 0xcc, 0xdb, 0xdd])

/** Each scan of a progressive file makes the decoder go over the whole picture again; encoders write about ten. */
const maxScans = 100

interface Segment {
  readonly marker: number
  readonly start: number
  readonly dataStart: number
  readonly end: number
}

interface Frame {
  readonly width: number
  readonly height: number
  readonly progressive: boolean
}

/**
 * Walks the segments from SOI to EOI, through the entropy-coded data of every scan. Bytes after EOI are left behind
 * (further pictures, gain maps, archives). Of the APPn segments only those stay that change the colours.
 */
export async function readJpegLayout(reader: ByteReader, options: LayoutOptions): Promise<ImageLayout> {
  const list = createPieceList()
  list.keep(0, 2)
  let frame: Frame | undefined
  let orientation = 1
  let scans = 0
  let offset = 2
  for (let count = 0; ; count++) {
    if (count > maxParts) throw corrupt(`more than ${maxParts} segments`)
    const segment = await readSegment(reader, offset)
    offset = segment.end
    if (segment.marker === endOfImage) {
      list.keep(segment.start, segment.end)
      break
    }
    if (isFrame(segment.marker)) {
      if (frame) throw corrupt('two frames')
      frame = await readFrame(reader, segment, options)
    }
    if (isApplication(segment.marker) || segment.marker === comment) {
      const kept = await keptApplication(reader, segment, options)
      if (kept === 'all') list.keep(segment.start, segment.end)
      else if (kept) list.write(kept)
      if (orientation === 1) orientation = await orientationOf(reader, segment)
      continue
    }
    if (segment.marker === startOfScan) {
      if (!frame) throw corrupt('a scan before the frame')
      if (++scans > maxScans) throw corrupt(`more than ${maxScans} scans`)
      offset = await skipEntropyData(reader, segment.end)
    }
    list.keep(segment.start, offset)
  }
  if (!frame || scans === 0) throw corrupt('no picture inside')
  return {
    mimeType: 'image/jpeg',
    width: frame.width,
    height: frame.height,
    hasAlpha: false,
    orientation,
    needsWholePicture: frame.progressive,
    lossless: false,
    pieces: list.pieces,
  }
}

async function readSegment(reader: ByteReader, start: number): Promise<Segment> {
  let at = start
  if ((await reader.read(at, 1))[0] !== 0xff) throw corrupt('a marker is missing')
  // Any number of 0xff may fill the space before a marker (ITU T.81, B.1.1.2).
  while ((await reader.read(at + 1, 1))[0] === 0xff) {
    if (++at - start > windowBytes) throw corrupt('too many fill bytes')
  }
  const marker = (await reader.read(at + 1, 1))[0] ?? 0
  const dataStart = at + 4
  if (marker === endOfImage) return { marker, start, dataStart, end: at + 2 }
  if (!isKnown(marker)) throw corrupt(`marker ${marker.toString(16)} is out of place`)
  const length = (await reader.read(at + 2, 2)).readUInt16BE(0)
  if (length < 2) throw corrupt('a segment without length')
  const end = at + 2 + length
  if (end > reader.size) throw refusal('IMAGE_TRUNCATED')
  return { marker, start, dataStart, end }
}

function isKnown(marker: number): boolean {
  if (marker === startOfImage || marker === numberOfLines) return false
  return (
    isFrame(marker) ||
    isApplication(marker) ||
    tableMarkers.has(marker) ||
    marker === startOfScan ||
    marker === comment
  )
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

function isApplication(marker: number): boolean {
  return marker >= 0xe0 && marker <= 0xef
}

async function readFrame(reader: ByteReader, segment: Segment, { limits }: LayoutOptions): Promise<Frame> {
  if (segment.end - segment.dataStart < 6) throw corrupt('the frame is too short')
  const data = await reader.read(segment.dataStart, 6)
  const [precision, components] = [data.readUInt8(0), data.readUInt8(5)]
  if (segment.marker > 0xc2 || precision !== 8) throw refusal('IMAGE_ENCODING_UNSUPPORTED')
  if (![1, 3, 4].includes(components)) throw corrupt(`${components} colour components`)
  if (segment.end - segment.dataStart !== 6 + 3 * components) throw corrupt('the frame has the wrong length')
  const [height, width] = [data.readUInt16BE(1), data.readUInt16BE(3)]
  checkDimensions(width, height, limits)
  return { width, height, progressive: segment.marker === 0xc2 }
}

/** `all`, nothing, or the bytes that take the segment's place. */
async function keptApplication(
  reader: ByteReader,
  segment: Segment,
  { keepProvenance }: LayoutOptions,
): Promise<'all' | Buffer | undefined> {
  const length = segment.end - segment.dataStart
  const data = await reader.read(segment.dataStart, Math.min(length, 14))
  const name = data.toString('latin1')
  if (segment.marker === 0xe0 && name.startsWith('JFIF\0') && length >= 14) {
    return length === 14 ? 'all' : jfifWithoutThumbnail(data)
  }
  // The colour profile, and Adobe's colour transform, without which CMYK and some RGB files turn into wrong colours.
  if (segment.marker === 0xe2 && name.startsWith('ICC_PROFILE\0')) return 'all'
  if (segment.marker === 0xee && name.startsWith('Adobe')) return 'all'
  return keepProvenance && segment.marker === 0xeb && name.startsWith('JP') ? 'all' : undefined
}

function jfifWithoutThumbnail(data: Buffer): Buffer {
  const segment = Buffer.concat([Buffer.from([0xff, 0xe0, 0, 16]), data.subarray(0, 14)])
  segment.writeUInt16BE(0, 16)
  return segment
}

async function orientationOf(reader: ByteReader, segment: Segment): Promise<number> {
  const length = segment.end - segment.dataStart
  if (segment.marker !== 0xe1 || length < 6) return 1
  const data = await reader.read(segment.dataStart, length)
  return data.toString('latin1', 0, 6) === 'Exif\0\0' ? readOrientation(data) : 1
}

/** The offset of the next marker: in entropy-coded data 0xff is followed by 0 (a stuffed byte) or by a restart marker. */
async function skipEntropyData(reader: ByteReader, start: number): Promise<number> {
  for (let offset = start; ; ) {
    const bytes = await reader.window(offset)
    let at = bytes.indexOf(0xff)
    while (at !== -1 && at + 1 < bytes.length) {
      const next = bytes[at + 1] ?? 0
      const isData = next === 0 || (next >= 0xd0 && next <= 0xd7)
      if (!isData && next !== 0xff) return offset + at
      at = bytes.indexOf(0xff, next === 0xff ? at + 1 : at + 2)
    }
    offset += at === -1 ? bytes.length : at
    // The window ends between the two bytes of a marker: the next one begins with both, or the file ends here.
    if (at !== -1) await reader.read(offset, 2)
  }
}

function corrupt(because: string) {
  return refusal('IMAGE_CORRUPT', { because })
}
