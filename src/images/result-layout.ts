import { open } from 'node:fs/promises'
import { EaselError } from '../errors.ts'
import { openPixels, toPixelError } from './pixels.ts'

/** What results may be besides the types that uploads may have. */
export type ForeignMimeType =
  | 'image/apng'
  | 'image/avif'
  | 'image/bmp'
  | 'image/gif'
  | 'image/heic'
  | 'image/jp2'
  | 'image/jxl'
  | 'image/svg+xml'
  | 'image/tiff'
  /** The PNGs of Xcode, which Apple's decoders alone read. */
  | 'image/x-png'

export interface ResultFacts {
  readonly mimeType: ForeignMimeType | 'image/png' | 'image/jpeg' | 'image/webp'
  /** In pixels; 0 where the file does not say it in a way that Easel reads. */
  readonly width: number
  readonly height: number
  readonly hasAlpha: boolean
}

/** Whether Easel decodes such a file, reads its size where it can, or only knows its name. */
type Reading = 'decoded' | 'measured' | 'named'

/** The marks of types at their offsets. */
const marks: readonly (readonly [type: ResultFacts['mimeType'], at: number, mark: string, Reading])[] = [
  ['image/png', 0, '\x89PNG\r\n\x1a\n', 'decoded'],
  ['image/jpeg', 0, '\xff\xd8\xff', 'decoded'],
  ['image/webp', 8, 'WEBP', 'decoded'],
  ['image/gif', 0, 'GIF8', 'decoded'],
  ['image/avif', 4, 'ftypavi', 'decoded'],
  ['image/heic', 4, 'ftyphe', 'measured'],
  ['image/heic', 4, 'ftypmif1', 'measured'],
  // Two letters alone may begin a text; the header of 40 bytes is what everybody writes.
  ['image/bmp', 14, '\x28\0\0\0', 'named'],
  ['image/tiff', 0, 'II*\0', 'named'],
  ['image/tiff', 0, 'MM\0*', 'named'],
  ['image/jxl', 0, '\xff\x0a', 'named'],
  ['image/jxl', 4, 'JXL ', 'named'],
  ['image/jp2', 4, 'jP  ', 'named'],
]

/** Enough for the chunk of a PNG that says it is animated, and for what stands before the root of an SVG. */
const headBytes = 65_536

/** No file with a picture is shorter. */
const minBytes = 24

/** What a file is that somebody can look at, however it is damaged; null where it is no image for anybody. */
export async function readResult(path: string, maxPixels: number): Promise<ResultFacts | null> {
  const head = await readHead(path)
  const unread = readSvg(head) ?? readXcodePng(head)
  if (unread) return unread
  const found = marks.find(
    ([type, at, mark]) => head.startsWith(mark, at) && (type !== 'image/bmp' || head.startsWith('BM')),
  )
  if (!found || head.length < minBytes) return null
  const [mimeType, , , reading] = found
  const facts = reading === 'named' ? null : await measure(path)
  if (reading !== 'decoded') return { mimeType, ...(facts ?? unknownSize) }
  const isSmall = facts !== null && facts.width * facts.height <= maxPixels
  if (!facts || (isSmall && !(await isShown(path, maxPixels)))) return null
  return { mimeType: mimeType === 'image/png' && isAnimated(head) ? 'image/apng' : mimeType, ...facts }
}

const unknownSize = { width: 0, height: 0, hasAlpha: false }

async function readHead(path: string): Promise<string> {
  await using handle = await open(path, 'r')
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0)
  return buffer.toString('latin1', 0, bytesRead)
}

async function measure(path: string): Promise<Pick<ResultFacts, 'width' | 'height' | 'hasAlpha'> | null> {
  return orNull(async () => {
    const { width, height, pageHeight, hasAlpha } = await openPixels(path, false, 'none').metadata()
    return { width, height: pageHeight ?? height, hasAlpha }
  })
}

/** Whether a decoder makes pixels of it, with whatever faults. */
async function isShown(path: string, maxPixels: number): Promise<boolean> {
  const dot = { width: 1, height: 1 }
  return (await orNull(() => openPixels(path, maxPixels, 'none').resize(dot).raw().toBuffer())) !== null
}

/** Null where the picture is at fault. */
async function orNull<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (cause) {
    const error = toPixelError(cause)
    if (error instanceof EaselError && error.code === 'BAD_USER_INPUT') return null
    throw error
  }
}

function isAnimated(head: string): boolean {
  const at = head.indexOf('acTL')
  return at !== -1 && at < head.indexOf('IDAT') && head.slice(at + 4, at + 8) > '\0\0\0\x01'
}

/** The first chunk of such a PNG is CgBI, and IHDR follows: https://iphonedev.wiki/CgBI_file_format. */
function readXcodePng(head: string): ResultFacts | null {
  if (!head.startsWith('\x89PNG') || !head.startsWith('CgBI', 12)) return null
  const bytes = Buffer.from(head, 'latin1')
  const header = 20 + bytes.readUInt32BE(8)
  if (!head.startsWith('IHDR', header + 4) || bytes.length < header + 18) return null
  const [width, height] = [bytes.readInt32BE(header + 8), bytes.readInt32BE(header + 12)]
  if (width < 0 || height < 0) return null
  return { mimeType: 'image/x-png', width, height, hasAlpha: bytes.readUInt8(header + 17) >= 4 }
}

/** What may stand before the root of a document: declarations, comments, space, and a byte order mark. */
const prolog = /^(?:\xef\xbb\xbf)?(?:\s+|<\?[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>[]*(?:\[[^\]]*\]\s*)?>)*/i

function readSvg(head: string): ResultFacts | null {
  const root = /^<(?:\w+:)?svg(\s[^>]*)?>/.exec(head.slice(prolog.exec(head)?.[0].length ?? 0))
  if (!root) return null
  const attributes = root[1] ?? ''
  const [, , boxWidth, boxHeight] = (readAttribute(attributes, 'viewBox') ?? '').split(/[\s,]+/)
  const size = (name: string, box: string | undefined) =>
    Math.round(readLength(readAttribute(attributes, name)) ?? readLength(box) ?? 0)
  const [width, height] = [size('width', boxWidth), size('height', boxHeight)]
  return { mimeType: 'image/svg+xml', width, height, hasAlpha: true }
}

function readAttribute(attributes: string, name: string): string | undefined {
  return new RegExp(`\\s${name}\\s*=\\s*["']([^"']*)["']`).exec(attributes)?.[1]
}

/** A length in pixels; other units depend on where the picture is shown. */
function readLength(text: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,6}(?:\.\d+)?)(?:px)?\s*$/.exec(text ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits)
}
