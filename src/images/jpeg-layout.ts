import { EaselError } from '../errors.ts'
import { type ByteReader, windowBytes } from './byte-reader.ts'
import { readOrientation } from './exif-orientation.ts'
import {
  checkDimensions,
  createPieceList,
  type ImageLayout,
  type LayoutOptions,
  maxParts,
  replaceBytes,
  type UnprovenCopy,
} from './image-layout.ts'
import { parseScan, type Scan, ScanCoverage } from './jpeg-scans.ts'
import {
  endOfData,
  endOfImage,
  isDescription,
  isFrame,
  numberOfLines,
  readSegment,
  type Segment,
  skipEntropyData,
  startOfScan,
} from './jpeg-segments.ts'
import { refusal } from './refusal.ts'

/** Each scan of a progressive file makes the decoder go over the whole picture again; encoders write about ten. */
const maxScans = 100

interface Frame {
  readonly width: number
  readonly height: number
  readonly progressive: boolean
  readonly components: number
  /** How many blocks of a component stand above each other in its smallest unit. */
  readonly verticalSampling: number
  /** Where the height stands. */
  readonly heightAt: number
}

export async function readJpegLayout(reader: ByteReader, options: LayoutOptions): Promise<ImageLayout> {
  return new JpegWalk(reader, options).run()
}

/**
 * Goes from segment to segment, from SOI to EOI, and through the entropy-coded data of every scan. Bytes after EOI are
 * left behind (further pictures, gain maps, archives). Of the APPn segments only those stay that change the colours.
 * What decoders only warn of is mended: bytes before a marker, wrong parameters of a scan, no EOI after whole scans.
 */
class JpegWalk {
  readonly #reader: ByteReader
  readonly #options: LayoutOptions
  readonly #list = createPieceList()
  #frame: Frame | null = null
  #coverage: ScanCoverage | null = null
  #orientation = 1
  #scans = 0
  #strayBytes = 0
  #isMended = false
  /** Whether one scan has the whole picture. */
  #isOneScan = false

  constructor(reader: ByteReader, options: LayoutOptions) {
    this.#reader = reader
    this.#options = options
  }

  async run(): Promise<ImageLayout> {
    this.#list.keep(0, 2)
    let offset = 2
    for (let count = 0; ; count++) {
      if (count > maxParts) throw corrupt(`more than ${maxParts} segments`)
      const segment = await this.#readSegment(offset)
      if (segment instanceof EaselError) return this.#complete(segment)
      this.#countStrayBytes(segment)
      offset = await this.#take(segment)
      if (segment.marker === endOfImage) return this.#layout(this.#isMended ? null : undefined)
    }
  }

  /** After whole scans a fault is no more than a missing end. */
  #readSegment(offset: number): Promise<Segment | EaselError> {
    return readSegment(this.#reader, offset).catch((error) => {
      if (error instanceof EaselError && this.#coverage?.isWhole()) return error
      throw error
    })
  }

  #countStrayBytes({ strayBytes }: Segment): void {
    if (strayBytes === 0) return
    this.#isMended = true
    this.#strayBytes += strayBytes
    if (this.#strayBytes > windowBytes) throw corrupt('a marker is missing')
  }

  /** Returns where the next segment begins. */
  async #take(segment: Segment): Promise<number> {
    const { marker, start, end } = segment
    if (marker === numberOfLines) return end
    if (isDescription(marker)) {
      await this.#describe(segment)
      return end
    }
    if (marker === startOfScan) return this.#takeScan(segment)
    if (isFrame(marker)) {
      if (this.#frame) throw corrupt('two frames')
      this.#frame = await readFrame(this.#reader, segment, this.#options)
      this.#coverage = new ScanCoverage(this.#frame.components)
    }
    this.#list.keep(start, end)
    return end
  }

  async #describe(segment: Segment): Promise<void> {
    const kept = await keptApplication(this.#reader, segment, this.#options)
    if (kept === 'all') this.#list.keep(segment.start, segment.end)
    else if (kept) this.#list.write(kept)
    if (this.#orientation === 1) this.#orientation = await orientationOf(this.#reader, segment)
  }

  async #takeScan(segment: Segment): Promise<number> {
    if (!this.#frame) throw corrupt('a scan before the frame')
    if (++this.#scans > maxScans) throw corrupt(`more than ${maxScans} scans`)
    const { start, dataStart, end } = segment
    const header = Buffer.from(await this.#reader.read(start, end - start))
    const scan = parseScan(header.subarray(dataStart - start))
    if (scan && !this.#frame.progressive && !isSequential(scan, header)) {
      this.#isMended = true
      header.set(sequentialParameters, header.length - sequentialParameters.length)
      this.#list.write(header)
    } else this.#list.keep(start, end)
    if (scan) this.#cover(this.#frame, scan)
    const next = await skipEntropyData(this.#reader, end)
    const dataEnd = next === this.#reader.size ? await endOfData(this.#reader, end, next) : next
    if (dataEnd > end) this.#list.keep(end, dataEnd)
    return next
  }

  #cover({ progressive, components }: Frame, scan: Scan): void {
    this.#isOneScan = !progressive && scan.components.length === components
    this.#coverage?.add(progressive ? scan : { ...scan, first: 0, last: 63, missingBits: 0 })
  }

  #complete(refused: EaselError): ImageLayout {
    this.#list.write(Buffer.from([0xff, endOfImage]))
    return this.#layout(refused)
  }

  #layout(refused: EaselError | null | undefined): ImageLayout {
    const frame = this.#frame
    if (!frame || this.#scans === 0) throw corrupt('no picture inside')
    const { pieces } = this.#list
    return {
      mimeType: 'image/jpeg',
      width: frame.width,
      height: frame.height,
      hasAlpha: false,
      orientation: this.#orientation,
      needsWholePicture: frame.progressive,
      lossless: false,
      pieces,
      ...(refused !== undefined && { unproven: this.#unproven(frame, refused) }),
    }
  }

  #unproven(frame: Frame, refused: EaselError | null): UnprovenCopy {
    const height = Buffer.alloc(2)
    height.writeUInt16BE(this.#isOneScan ? provingHeight(frame) : frame.height)
    return { pieces: replaceBytes(this.#list.pieces, frame.heightAt, height), refused }
  }
}

/** All 64 coefficients with all their bits. Decoders warn of anything else in a sequential file, and read this. */
const sequentialParameters = [0, 63, 0]

function isSequential({ first }: Scan, header: Buffer): boolean {
  return first === 0 && header.at(-2) === 63 && header.at(-1) === 0
}

/**
 * libvips asks for eight lines at a time and finds a warning when it asks for the next ones. So a copy that shall prove
 * that the data is whole needs lines after the last unit that has data, but none that need another unit before: all the
 * lines of a high unit, or eight lines more than those of a low one. libvips 8.18.
 */
function provingHeight({ height, verticalSampling }: Frame): number {
  const unit = 8 * verticalSampling
  const whole = Math.ceil(height / unit) * unit
  return Math.min(verticalSampling > 1 ? whole : whole + 8, 65_500)
}

async function readFrame(reader: ByteReader, segment: Segment, { limits }: LayoutOptions): Promise<Frame> {
  const { marker, dataStart, end } = segment
  if (end - dataStart < 6) throw corrupt('the frame is too short')
  const head = await reader.read(dataStart, 6)
  const [precision, components] = [head.readUInt8(0), head.readUInt8(5)]
  if (marker > 0xc2 || precision !== 8) throw refusal('IMAGE_ENCODING_UNSUPPORTED')
  if (![1, 3, 4].includes(components)) throw corrupt(`${components} colour components`)
  if (end - dataStart !== 6 + 3 * components) throw corrupt('the frame has the wrong length')
  const data = await reader.read(dataStart, end - dataStart)
  const [height, width] = [data.readUInt16BE(1), data.readUInt16BE(3)]
  checkDimensions(width, height, limits)
  const samplings = Array.from({ length: components }, (_, index) => data.readUInt8(7 + 3 * index) & 0x0f)
  return {
    width,
    height,
    progressive: marker === 0xc2,
    components,
    verticalSampling: components === 1 ? 1 : Math.max(...samplings, 1),
    heightAt: dataStart + 1,
  }
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

function corrupt(because: string) {
  return refusal('IMAGE_CORRUPT', { because })
}
