import { createHash } from 'node:crypto'
import sharp from 'sharp'
import { DetailError, refuseField } from './detail-error.ts'
import type { Exchange } from './exchange.ts'
import type { Fault } from './faults.ts'
import { type FluxRequest, readFluxRequest } from './flux-request.ts'
import { isEmptied, type Job, type JobShape, retryHeaders } from './jobs.ts'
import { encodePicture, type Picture, toPicture } from './picture.ts'
import { insetEdge, renderPicture } from './render.ts'
import type { Size } from './size.ts'
import type { Studio } from './studio.ts'

/** A picture that was drawn when the task was taken, and lies at an address of its own. */
interface FluxWork {
  fileName: string
  request: Pick<FluxRequest, 'seed'>
  /** In cents: three for the first megapixel, one and a half for each further one, as flux-2-pro costs. */
  cost: number
}

export const fluxShape: JobShape<FluxRequest, FluxWork> = {
  // Eight images of 20 MB in base64.
  maxBodyBytes: 8 * 27 * 1024 * 1024,
  maxAgeMs: 10 * 60 * 1000,
  readRequest: async (body, model) => {
    const request = readFluxRequest(body, model)
    await checkImages(request.images)
    return request
  },
  refuse: (fault) => {
    const refusal = refusals[fault.name]
    return refusal && new DetailError(refusal[0], refusal[1], retryHeaders(fault))
  },
  refuseUnknown: () => new DetailError(404, 'Task not found'),
  start: async (studio, exchange, request) => {
    const bytes = await studio.slots.run(exchange.signal, () => draw(request))
    studio.ledger.count('images')
    return { fileName: await studio.files.keep(bytes, request.format), request, cost: costOf(request) }
  },
  describeSubmitted: ({ id, work }, { request }) => ({
    id,
    polling_url: `http://${request.headers.host}/v1/get_result?id=${id}`,
    cost: work.cost,
  }),
  describePending: (job) => describe(job, 'Pending', { progress: 0.5 }),
  describeDone,
}

const refusals: Partial<Record<Fault['name'], readonly [number, string]>> = {
  '429': [429, 'Too many active tasks'],
  '429-quota': [402, 'Insufficient credits'],
  '500': [500, 'Internal Server Error'],
  '503': [503, 'Service unavailable'],
}

function describe({ id }: Job<FluxWork>, status: string, more: object): object {
  return { id, status, result: null, progress: null, details: null, ...more }
}

/** A prompt is refused as the task ends too, not as it is submitted. */
function describeDone(job: Job<FluxWork>, _studio: Studio, { request }: Exchange): object {
  const { fault, work } = job
  const details = { 'Moderation Reasons': ['Sandbox'] }
  if (fault?.name === 'moderation') return describe(job, 'Request Moderated', { details, cost: 0 })
  if (fault?.name === 'moderation-output') return describe(job, 'Content Moderated', { details })
  const sample = isEmptied(fault) ? null : `http://${request.headers.host}/files/${work.fileName}`
  const result = { sample, seed: work.request.seed, duration: 1 }
  return describe(job, 'Ready', { result, cost: work.cost })
}

function costOf({ size, images }: FluxRequest): number {
  const megapixels = Math.ceil((size.width * size.height) / (1024 * 1024))
  return 3 + 1.5 * (megapixels - 1 + images.length)
}

async function draw({ kind, prompt, size, seed, format, model, images }: FluxRequest): Promise<Buffer> {
  const [base, ...insets] = await Promise.all(images.map((image, at) => loadInput(image, at, size)))
  const hashes = images.map((image) => createHash('sha256').update(image).digest('hex'))
  const picture = await renderPicture({
    kind,
    prompt,
    seed: JSON.stringify([model, prompt, seed, ...hashes]),
    size,
    detail: 2,
    transparent: false,
    ...(base && { inputs: { base, insets, alpha: undefined } }),
  })
  return encodePicture(picture, { format, compression: 90, transparent: false })
}

function openInput(image: Buffer) {
  return sharp(image, { limitInputPixels: 16 * 1024 * 1024, failOn: 'error' })
}

/** Before anything is charged. */
async function checkImages(images: readonly Buffer[]): Promise<void> {
  for (const image of images) {
    const isImage = await openInput(image)
      .metadata()
      .then(
        () => true,
        () => false,
      )
    if (!isImage) throw refuseField('input_image', 'Input should be an image')
  }
}

async function loadInput(image: Buffer, at: number, size: Size): Promise<Picture> {
  const edge = insetEdge(size)
  const { width, height } = at === 0 ? size : { width: edge, height: edge }
  try {
    return await toPicture(openInput(image).toColourspace('srgb').resize({ width, height, fit: 'cover' }))
  } catch {
    throw refuseField(at === 0 ? 'input_image' : `input_image_${at + 1}`, 'Input should be an image')
  }
}
