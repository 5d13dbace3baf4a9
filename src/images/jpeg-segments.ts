import { type ByteReader, windowBytes } from './byte-reader.ts'
import { refusal } from './refusal.ts'

export const startOfScan = 0xda
export const endOfImage = 0xd9
export const numberOfLines = 0xdc
const comment = 0xfe

/** Quantisation, Huffman, restart and arithmetic tables: nothing else may stand between the scans. */
const tableMarkers = new Set([0xc4, 0xcc, 0xdb, 0xdd])

export interface Segment {
  readonly marker: number
  readonly start: number
  readonly dataStart: number
  readonly end: number
  /** How many bytes that belong to nothing stood before its marker. */
  readonly strayBytes: number
}

/** The next segment. Decoders skip bytes before a marker that belong to nothing: phones and editors leave some. */
export async function readSegment(reader: ByteReader, offset: number): Promise<Segment> {
  const { start, at, marker } = await findMarker(reader, offset)
  const strayBytes = start - offset
  const dataStart = at + 4
  if (marker === endOfImage) return { marker, start, dataStart, end: at + 2, strayBytes }
  if (!isKnown(marker)) throw corrupt(`marker ${marker.toString(16)} is out of place`)
  const length = (await reader.read(at + 2, 2)).readUInt16BE(0)
  if (length < 2) throw corrupt('a segment without length')
  const end = at + 2 + length
  if (end > reader.size) throw refusal('IMAGE_TRUNCATED')
  return { marker, start, dataStart, end, strayBytes }
}

/** `at` is the last 0xff before the marker: any number of them may fill the space before it (ITU T.81, B.1.1.2). */
async function findMarker(reader: ByteReader, offset: number) {
  let start = offset
  for (let at = offset; at - offset <= windowBytes; at++) {
    const isFill = (await reader.read(at, 1))[0] === 0xff
    const marker = isFill ? ((await reader.read(at + 1, 1))[0] ?? 0) : 0
    if (marker !== 0xff && !isWithoutMeaning(marker)) return { start, at, marker }
    if (marker !== 0xff) start = at + 1
  }
  throw corrupt('a marker is missing')
}

/** What decoders skip outside of a scan: a stuffed zero, the marker for private use, and those of restarts. */
function isWithoutMeaning(marker: number): boolean {
  return marker <= 0x01 || isRestart(marker)
}

function isRestart(marker: number): boolean {
  return marker >= 0xd0 && marker <= 0xd7
}

function isKnown(marker: number): boolean {
  return (
    isFrame(marker) ||
    isDescription(marker) ||
    tableMarkers.has(marker) ||
    marker === startOfScan ||
    marker === numberOfLines
  )
}

export function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

/** Data of applications, and comments. */
export function isDescription(marker: number): boolean {
  return (marker >= 0xe0 && marker <= 0xef) || marker === comment
}

/**
 * The offset of the next marker: in entropy-coded data 0xff is followed by 0 (a stuffed byte) or by a restart marker.
 * Without one it is the end of the file.
 */
export async function skipEntropyData(reader: ByteReader, start: number): Promise<number> {
  for (let offset = start; offset < reader.size; ) {
    const bytes = await reader.window(offset)
    let at = bytes.indexOf(0xff)
    while (at !== -1 && at + 1 < bytes.length) {
      const next = bytes[at + 1] ?? 0
      if (next !== 0 && !isRestart(next) && next !== 0xff) return offset + at
      at = bytes.indexOf(0xff, next === 0xff ? at + 1 : at + 2)
    }
    offset += at === -1 ? bytes.length : at
    if (at === -1) continue
    // The window ends between the two bytes of a marker: the next one begins with both, or the file ends here.
    if (offset + 1 === reader.size) return offset
    await reader.read(offset, 2)
  }
  return reader.size
}

/** Where data ends that zeros were appended to, as some cameras do; one of them may be its own. */
export async function endOfData(reader: ByteReader, start: number, end: number): Promise<number> {
  for (let at = end; at > start; ) {
    const from = Math.max(start, at - windowBytes)
    const bytes = await reader.read(from, at - from)
    const last = bytes.findLastIndex((byte) => byte !== 0)
    if (last !== -1) return Math.min(from + last + 2, end)
    at = from
  }
  return start
}

function corrupt(because: string) {
  return refusal('IMAGE_CORRUPT', { because })
}
