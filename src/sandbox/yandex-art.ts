import { type Exchange, readJson, sendJson, sendText, writeChunk } from './exchange.ts'
import type { Fault } from './faults.ts'
import { breakOff, openEntry, takeFault } from './intake.ts'
import { shortenParameters } from './ledger.ts'
import { encodePicture } from './picture.ts'
import { renderPicture } from './render.ts'
import { sizeOfArea } from './size.ts'
import type { Studio } from './studio.ts'
import { type ArtRequest, readArtRequest } from './yandex-request.ts'
import { bodyOfStatus, StatusError, statusCodes } from './yandex-status.ts'

export interface YandexArt {
  submit(exchange: Exchange): Promise<void>
  poll(exchange: Exchange, id: string): Promise<void>
}

export interface YandexArtOptions {
  /** How many look-ups say `done: false` at least. */
  pendingPolls: number
}

interface ArtOperation {
  id: string
  request: ArtRequest
  fault: Fault | undefined
  doneAt: number
  polls: number
}

const maxBodyBytes = 1024 * 1024
const maxOperations = 10_000
/** A result is kept for three days. */
const maxAgeMs = 3 * 24 * 60 * 60 * 1000
/** Work takes as long as this many pauses of the other dialect. */
const pausesPerImage = 3

/**
 * Operations hold what was asked, never the picture: it is drawn when it is fetched, the same each time.
 * An operation is done once its time has come and it was looked up often enough.
 */
export function createYandexArt(studio: Studio, { pendingPolls }: YandexArtOptions): YandexArt {
  const operations = new Map<string, ArtOperation>()

  const remember = (operation: ArtOperation) => {
    operations.set(operation.id, operation)
    for (const [id, { doneAt }] of operations) {
      if (operations.size <= maxOperations && studio.now() - doneAt < maxAgeMs) break
      operations.delete(id)
    }
  }

  return {
    async submit(exchange) {
      const { ledger, now, delayMs, newId } = studio
      const entry = openEntry(studio, exchange, 'generation')
      const body = await readJson(exchange, maxBodyBytes)
      if (typeof body === 'object' && body) ledger.note(entry, { parameters: shortenParameters({ ...body }) })
      const request = readArtRequest(body)
      const fault = takeFault(studio, exchange, { isPaidRoute: true, prompt: request.prompt })
      ledger.note(entry, { model: request.model, fault: fault?.name ?? null, paid: fault?.paid ?? true })
      if (await breakOff(studio, exchange, fault)) return
      refuseByFault(fault)
      const operation = { id: newId(), request, fault, doneAt: now() + pausesPerImage * delayMs, polls: 0 }
      remember(operation)
      const text = JSON.stringify(pendingBody(operation))
      await sendSpoiled(exchange, text, fault)
    },

    async poll(exchange, id) {
      studio.ledger.count('polls')
      const fault = takeFault(studio, exchange, { isPaidRoute: false })
      if (await breakOff(studio, exchange, fault)) return
      refuseByFault(fault)
      const operation = operations.get(id)
      if (!operation || studio.now() - operation.doneAt >= maxAgeMs) {
        throw new StatusError(statusCodes.NOT_FOUND, `Operation with id ${id.slice(0, 64)} not found`)
      }
      operation.polls++
      const isDone = operation.polls > pendingPolls && studio.now() >= operation.doneAt
      sendJson(exchange, isDone ? await doneBody(studio, exchange, operation) : pendingBody(operation))
    },
  }
}

function refuseByFault(fault: Fault | undefined): void {
  const refusal = fault && refusals[fault.name]
  if (refusal) throw new StatusError(refusal[0], refusal[1], retryHeaders(fault))
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

function retryHeaders({ name, value }: Fault): Record<string, string> {
  return name === '429' || value !== undefined ? { 'retry-after': String(value ?? 1) } : {}
}

async function sendSpoiled(exchange: Exchange, text: string, fault: Fault | undefined): Promise<void> {
  if (fault?.name !== 'cut-stream') {
    const contentType = fault?.name === 'wrong-content-type' ? 'text/plain' : 'application/json'
    return sendText(exchange, text, { contentType })
  }
  exchange.response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
  await writeChunk(exchange, text.slice(0, text.length / 2))
  exchange.response.destroy()
}

/** As in the real example, dates are null. */
function pendingBody({ id }: ArtOperation) {
  const unknown = { createdAt: null, createdBy: '', modifiedAt: null }
  return { id, description: '', ...unknown, done: false, metadata: null }
}

async function doneBody(studio: Studio, exchange: Exchange, operation: ArtOperation) {
  const base = { ...pendingBody(operation), done: true }
  const { fault } = operation
  if (fault?.name === 'moderation-output') {
    const error = new StatusError(statusCodes.INVALID_ARGUMENT, moderationMessage)
    return { ...base, error: bodyOfStatus(error, exchange.requestId) }
  }
  const isEmpty = fault?.name === 'empty-data' || fault?.name === 'fewer'
  const image = isEmpty ? '' : (await drawArt(studio, exchange, operation.request)).toString('base64')
  const type =
    'type.googleapis.com/yandex.cloud.ai.foundation_models.v1.image_generation.ImageGenerationResponse'
  return { ...base, response: { '@type': type, image, modelVersion: '' } }
}

export async function drawArt(studio: Studio, { signal }: Exchange, request: ArtRequest): Promise<Buffer> {
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
