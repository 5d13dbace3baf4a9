import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Exchange, readBody, readJson } from './exchange.ts'
import { type ImageRequest, readImageRequest } from './image-request.ts'
import { type InputImage, inspectImage, inspectMask, refuseMask } from './input-image.ts'
import type { ImageKind } from './models.ts'
import { type FilePart, readMultipart } from './multipart.ts'
import {
  type Parameters,
  parametersOfForm,
  parametersOfJson,
  refuseDuplicate,
  refuseMissing,
  refuseType,
} from './parameters.ts'
import { WireError } from './wire-error.ts'

/** What a request brought, before it is judged. */
export interface Asked {
  parameters: Parameters
  files: FilePart[]
}

export interface Inputs {
  images: InputImage[]
  mask: InputImage | undefined
}

interface ReadOptions {
  kind: ImageKind
  folder: string
  maxBodyBytes: number
}

/** A JSON body is held in memory. */
const maxJsonBytes = 32 * 1024 * 1024
const maxFileBytes = 50 * 1024 * 1024

export async function readAsked(exchange: Exchange, options: ReadOptions): Promise<Asked> {
  const { kind, folder, maxBodyBytes } = options
  const contentType = exchange.request.headers['content-type'] ?? ''
  const isJson = /^application\/json\b/i.test(contentType)
  if (isJson && kind !== 'variation') {
    const body = await readJson(exchange, Math.min(maxJsonBytes, maxBodyBytes))
    return kind === 'edit' ? readJsonEdit(body, folder) : { parameters: parametersOfJson(body), files: [] }
  }
  if (kind === 'generation' || !/^multipart\/form-data\b/i.test(contentType)) {
    throw refuseContentType(contentType, kind === 'generation' ? 'application/json' : 'multipart/form-data')
  }
  const source = readBody(exchange, maxBodyBytes)
  try {
    const form = await readMultipart(source, { contentType, folder, maxFileBytes })
    return { parameters: parametersOfForm(form), files: form.files }
  } finally {
    await source.return(undefined)
  }
}

function refuseContentType(contentType: string, accepted: string): WireError {
  const message =
    `Unsupported content type: '${contentType.slice(0, 100)}'. This API method only accepts '${accepted}' requests, ` +
    'but you specified another one in the Content-Type header.'
  return new WireError('unsupported_content_type', message)
}

/** Checks everything that can be refused without rendering. */
export async function judge(
  kind: ImageKind,
  asked: Asked,
): Promise<{ request: ImageRequest; inputs: Inputs }> {
  for (const name of ['image', 'image[]', 'mask']) {
    if (asked.parameters.names().includes(name)) throw refuseType(name, 'a file', '')
  }
  const request = readImageRequest(kind, asked.parameters)
  if (kind === 'generation') return { request, inputs: { images: [], mask: undefined } }
  return { request, inputs: await readInputs(asked.files, request) }
}

async function readInputs(files: FilePart[], { kind, model }: ImageRequest): Promise<Inputs> {
  const unknown = files.find(({ name }) => !['image', 'image[]', 'mask'].includes(name))
  if (unknown) {
    throw new WireError('unknown_parameter', `Unknown parameter: '${unknown.name}'.`, { param: unknown.name })
  }
  const parts = pickImages(files, model.maxImages)
  const images: InputImage[] = []
  for (const part of parts) images.push(await inspectImage(part, model))
  const [first] = images
  if (!first) throw refuseMissing('image')
  if (kind === 'variation') return { images, mask: undefined }
  return { images, mask: await readMask(files, first, model.squarePngOnly) }
}

function pickImages(files: FilePart[], maxImages: number): FilePart[] {
  const single = files.filter(({ name }) => name === 'image')
  const listed = files.filter(({ name }) => name === 'image[]')
  if (single.length > 1 || (single.length > 0 && listed.length > 0)) throw refuseDuplicate('image')
  if (listed.length > 0 && maxImages === 1) throw refuseType('image', 'a file', [])
  if (listed.length > maxImages) {
    const message =
      `Invalid 'image': array too long. Expected an array with maximum length ${maxImages}, ` +
      `but got an array with length ${listed.length} instead.`
    throw new WireError('array_above_max_length', message, { param: 'image' })
  }
  return [...single, ...listed]
}

/** dall-e-2 takes the transparency of the image itself where no mask is sent. */
async function readMask(
  files: FilePart[],
  first: InputImage,
  ownAlpha: boolean,
): Promise<InputImage | undefined> {
  const [part, second] = files.filter(({ name }) => name === 'mask')
  if (second) throw refuseDuplicate('mask')
  if (part) return inspectMask(part, first)
  if (!ownAlpha) return undefined
  if (!first.hasAlpha) throw refuseMask('mask image missing alpha channel')
  return first
}

/** The JSON form of an edit names its images as `data:` addresses; the sandbox fetches nothing from elsewhere. */
async function readJsonEdit(body: unknown, folder: string): Promise<Asked> {
  const { images, mask, ...rest } = parametersOfJson(body).raw() as { images?: unknown; mask?: unknown }
  if (images !== undefined && !Array.isArray(images)) throw refuseType('images', 'an array', images)
  const files: FilePart[] = []
  const addresses = (images ?? []).map((image: unknown) => ({ name: 'image[]', image }))
  if (mask !== undefined && mask !== null) addresses.push({ name: 'mask', image: mask })
  for (const { name, image } of addresses.slice(0, 32)) {
    files.push(await spoolDataUrl(name, image, join(folder, String(files.length))))
  }
  return { parameters: parametersOfJson(rest), files }
}

async function spoolDataUrl(name: string, image: unknown, path: string): Promise<FilePart> {
  const url =
    typeof image === 'object' && image !== null && 'image_url' in image ? image.image_url : undefined
  const match = typeof url === 'string' ? /^data:([a-z]+\/[a-z0-9.+-]+);base64,/i.exec(url) : null
  if (typeof url !== 'string' || !match?.[1]) {
    throw new WireError(
      'invalid_value',
      'The sandbox takes images in JSON only as a base64 data: URL in image_url.',
      {
        param: name === 'mask' ? 'mask' : 'images',
      },
    )
  }
  const bytes = Buffer.from(url.slice(match[0].length), 'base64')
  await writeFile(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { name, filename: 'image', mimeType: match[1].toLowerCase(), path, bytes: bytes.length, sha256 }
}
