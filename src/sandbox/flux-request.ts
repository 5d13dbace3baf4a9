import { refuseField } from './detail-error.ts'
import type { JobRequest } from './jobs.ts'
import type { Size } from './size.ts'

export interface FluxRequest extends JobRequest {
  size: Size
  seed: number
  format: 'jpeg' | 'png'
  images: Buffer[]
}

const maxPixels = 4 * 1024 * 1024
const maxImages = 8

/** Members that are not known are ignored, as FastAPI ignores them. */
export function readFluxRequest(body: unknown, model: string): FluxRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw refuseField('', 'Input should be a valid dictionary')
  const members = body as Record<string, unknown>
  const { prompt, seed, output_format: format } = members
  if (typeof prompt !== 'string') throw refuseField('prompt', 'Field required')
  if (seed != null && !Number.isSafeInteger(seed))
    throw refuseField('seed', 'Input should be a valid integer')
  if (format != null && format !== 'jpeg' && format !== 'png')
    throw refuseField('output_format', "Input should be 'jpeg' or 'png'")
  const images = readImages(members)
  return {
    kind: images.length > 0 ? 'edit' : 'generation',
    model,
    prompt,
    size: readSize(members),
    seed: Number(seed ?? 0),
    format: format ?? 'jpeg',
    images,
  }
}

function readSize(members: Record<string, unknown>): Size {
  const [width, height] = ['width', 'height'].map((name) => {
    const value = members[name] ?? 1024
    if (!Number.isInteger(value) || (value as number) < 64 || (value as number) % 16 !== 0)
      throw refuseField(name, 'Input should be a multiple of 16 and at least 64')
    return value as number
  }) as [number, number]
  if (width * height > maxPixels) throw refuseField('width', 'The image should have at most 4 megapixels')
  return { width, height }
}

function readImages(members: Record<string, unknown>): Buffer[] {
  const names = Array.from({ length: maxImages }, (_, at) =>
    at === 0 ? 'input_image' : `input_image_${at + 1}`,
  )
  return names
    .filter((name) => members[name] != null)
    .map((name) => {
      const value = members[name]
      if (typeof value !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(value))
        throw refuseField(name, 'Input should be an image in base64')
      return Buffer.from(value, 'base64')
    })
}
