import type { Readable } from 'node:stream'
import type { Image } from '../database/generated/client.ts'
import { EaselError } from '../errors.ts'
import { errorCodes } from '../reasons/error-codes.ts'
import { isRowId } from '../row-id.ts'
import { parseRange } from './byte-range.ts'
import { toFileBody } from './file-body.ts'
import type { ImageUrls, VerifiedUrl } from './image-url.ts'
import { PieceStream } from './piece-stream.ts'
import { extensionOf, objectMissing, type Storage } from './storage.ts'
import { type RenderedVariant, resolveVariant, shownTypes, type Variants } from './variants.ts'

export interface ImageRouteOptions {
  readonly find: (id: string) => Promise<Image | null>
  readonly urls: ImageUrls
  readonly storage: Storage
  readonly variants: Variants
  /** Larger images are served as they are, without copies. */
  readonly maxPixels: number
  readonly now: () => Date
}

/** Bytes to serve, opened only when a response needs them. */
interface Representation {
  readonly mimeType: string
  readonly byteSize: number
  readonly etag: string
  open(range: { start: number; end: number }, signal: AbortSignal): Promise<Readable>
  /** Releases what `open` needs, if it is not called. */
  close(): Promise<void>
}

/**
 * Browsers show uploads, which are bytes of strangers. So the type is the detected one, browsers must not guess another,
 * and if one still made a document of them, it could neither run nor load anything.
 */
const safetyHeaders = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
}

/** Answers `GET` and `HEAD` of `/images/<id>`. Without a valid signature it does not even show that the image exists. */
export function createImageRoute(options: ImageRouteOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await answer(options, request)
    } catch (error) {
      if (error instanceof EaselError) return errorResponse(error)
      throw error
    }
  }
}

async function answer(options: ImageRouteOptions, request: Request): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed()
  const { pathname, search } = new URL(request.url)
  const id = /^\/images\/([^/]+)$/.exec(pathname)?.[1] ?? ''
  if (!isRowId(id)) throw new EaselError('NOT_FOUND', 'There is no such image.')
  const verified = options.urls.verify(id, search.slice(1))
  if (!verified) throw new EaselError('FORBIDDEN', 'The address is not valid, or its time is over.')
  const image = await options.find(id)
  if (!image) throw objectMissing()
  const variant = resolveVariant(image, verified.variant, options.maxPixels)
  const representation = variant
    ? await openVariant(options, image, variant, request.signal)
    : storedImage(options.storage, image)
  return await respond({
    representation,
    request,
    headers: headersOf(image, representation, verified, options.now()),
  })
}

function storedImage(storage: Storage, image: Image): Representation {
  return {
    mimeType: image.mimeType,
    byteSize: image.byteSize,
    etag: `"${image.sha256}"`,
    open: (range, signal) => storage.open(image.storageKey, { ...range, signal }),
    close: async () => {},
  }
}

async function openVariant(
  { variants }: ImageRouteOptions,
  image: Image,
  variant: RenderedVariant,
  signal: AbortSignal,
): Promise<Representation> {
  const { handle, byteSize } = await variants.open(image, variant, signal)
  return {
    mimeType: `image/${variant.format}`,
    byteSize,
    etag: `"${image.sha256}-w${variant.width}-${variant.format}"`,
    open: async (range, abort) => new PieceStream(handle, { ...range, signal: abort }),
    close: () => handle.close(),
  }
}

function headersOf(
  image: Image,
  { mimeType, etag }: Representation,
  verified: VerifiedUrl,
  now: Date,
): Headers {
  const restSeconds = Math.floor((verified.expiresAt.getTime() - now.getTime()) / 1000)
  return new Headers({
    ...safetyHeaders,
    'content-type': mimeType,
    // An SVG is a document that can run scripts, so it is only downloaded.
    'content-disposition': `${shownTypes.has(mimeType) ? 'inline' : 'attachment'}; filename="${image.id}.${extensionOf(mimeType)}"`,
    'cache-control': `private, max-age=${Math.max(restSeconds, 0)}, immutable`,
    'accept-ranges': 'bytes',
    etag,
  })
}

async function respond(context: {
  representation: Representation
  request: Request
  headers: Headers
}): Promise<Response> {
  const { representation, request, headers } = context
  const { byteSize, etag } = representation
  if (namesTag(request.headers.get('if-none-match'), etag)) {
    await representation.close()
    return new Response(null, { status: 304, headers })
  }
  const ifRange = request.headers.get('if-range')
  const asked = ifRange === null || ifRange === etag ? request.headers.get('range') : null
  const range = parseRange(asked, byteSize)
  if (range === 'outside') {
    await representation.close()
    headers.set('content-range', `bytes */${byteSize}`)
    headers.delete('content-type')
    return new Response(null, { status: 416, headers })
  }
  const { start, end } = range === 'whole' ? { start: 0, end: byteSize - 1 } : range
  headers.set('content-length', String(end - start + 1))
  if (range !== 'whole') headers.set('content-range', `bytes ${start}-${end}/${byteSize}`)
  const status = range === 'whole' ? 200 : 206
  if (request.method === 'HEAD') {
    await representation.close()
    return new Response(null, { status, headers })
  }
  const bytes = await representation.open({ start, end }, request.signal)
  return new Response(toFileBody(bytes), { status, headers })
}

function namesTag(header: string | null, etag: string): boolean {
  if (header === null) return false
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}

/** One `error`, not the list of a GraphQL result: an address of an image is opened by pages and programs without GraphQL. */
function errorResponse(error: EaselError): Response {
  const { retryAfterMs } = error.details
  return answerError(errorCodes[error.code].httpStatus, error, {
    ...(retryAfterMs && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
  })
}

function methodNotAllowed(): Response {
  const error = { code: 'METHOD_NOT_ALLOWED', message: 'Images can only be read.' }
  return answerError(405, error, { allow: 'GET, HEAD' })
}

function answerError(
  status: number,
  { code, message }: { code: string; message: string },
  more: Record<string, string>,
): Response {
  const headers = { ...safetyHeaders, 'cache-control': 'no-store', ...more }
  return Response.json({ error: { code, message } }, { status, headers })
}
