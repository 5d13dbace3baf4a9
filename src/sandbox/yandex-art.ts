import type { Exchange } from './exchange.ts'
import type { Fault } from './faults.ts'
import { isEmptied, type Job, type JobShape, retryHeaders } from './jobs.ts'
import { encodePicture } from './picture.ts'
import { renderPicture } from './render.ts'
import { sizeOfArea } from './size.ts'
import type { Studio } from './studio.ts'
import { type ArtRequest, readArtRequest } from './yandex-request.ts'
import { bodyOfStatus, StatusError, statusCodes } from './yandex-status.ts'

/** Jobs hold what was asked, never the picture: it is drawn when it is fetched, the same each time. */
export const artShape: JobShape<ArtRequest, ArtRequest> = {
  maxBodyBytes: 1024 * 1024,
  // A result is kept for three days.
  maxAgeMs: 3 * 24 * 60 * 60 * 1000,
  readRequest: readArtRequest,
  refuse: (fault) => {
    const refusal = refusals[fault.name]
    return refusal && new StatusError(refusal[0], refusal[1], retryHeaders(fault))
  },
  refuseUnknown: (id) =>
    new StatusError(statusCodes.NOT_FOUND, `Operation with id ${id.slice(0, 64)} not found`),
  start: async (_studio, _exchange, request) => request,
  describeSubmitted: describePending,
  describePending,
  describeDone,
}

const moderationMessage =
  'К сожалению, я не могу сгенерировать изображение по этому запросу. Попробуйте другую тему.'

const refusals: Partial<Record<Fault['name'], readonly [number, string]>> = {
  '429': [
    statusCodes.RESOURCE_EXHAUSTED,
    'ai.imageGenerationAsyncRequestsCount.rate rate quota limit exceed',
  ],
  '429-quota': [
    statusCodes.RESOURCE_EXHAUSTED,
    'ai.imageGenerationAsyncRequestsPerDay.count quota limit exceed',
  ],
  '500': [statusCodes.INTERNAL, 'Internal error'],
  '503': [statusCodes.UNAVAILABLE, 'Service unavailable'],
  moderation: [statusCodes.INVALID_ARGUMENT, moderationMessage],
}

/** As in the real example, dates are null. */
function describePending({ id }: Job<ArtRequest>) {
  const unknown = { createdAt: null, createdBy: '', modifiedAt: null }
  return { id, description: '', ...unknown, done: false, metadata: null }
}

async function describeDone(job: Job<ArtRequest>, studio: Studio, exchange: Exchange): Promise<object> {
  const base = { ...describePending(job), done: true }
  if (job.fault?.name === 'moderation-output') {
    const error = new StatusError(statusCodes.INVALID_ARGUMENT, moderationMessage)
    return { ...base, error: bodyOfStatus(error, exchange.requestId) }
  }
  const image = isEmptied(job.fault) ? '' : (await drawArt(studio, exchange, job.work)).toString('base64')
  const type =
    'type.googleapis.com/yandex.cloud.ai.foundation_models.v1.image_generation.ImageGenerationResponse'
  return { ...base, response: { '@type': type, image, modelVersion: '' } }
}

type Drawing = Pick<ArtRequest, 'prompt' | 'seed' | 'model' | 'ratio'>

export async function drawArt(studio: Studio, { signal }: Exchange, request: Drawing): Promise<Buffer> {
  const { prompt, seed, model, ratio } = request
  return studio.slots.run(signal, async () => {
    const size = sizeOfArea(1024 * 1024, Math.min(4, Math.max(1 / 4, ratio)))
    const picture = await renderPicture({
      kind: 'generation',
      prompt,
      seed: JSON.stringify([model, prompt, seed]),
      size,
      detail: 2,
      transparent: false,
    })
    studio.ledger.count('images')
    return encodePicture(picture, { format: 'jpeg', compression: 90, transparent: false })
  })
}
